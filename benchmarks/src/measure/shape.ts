/**
 * The size of one attention call. B batch, H query heads, G key heads, N queries, M keys, D query and key width,
 * E value width. With `causal`, query i sees keys up to i + M - N.
 */
export interface CallShape {
  readonly B: number;
  readonly H: number;
  readonly G: number;
  readonly N: number;
  readonly M: number;
  readonly D: number;
  readonly E: number;
  readonly causal: boolean;
}

/** Pairs (query row, key) that the call asks for, over all batch elements and query heads. */
export function visiblePairs({ B, H, N, M, causal }: CallShape): number {
  if (!causal) return B * H * N * M;
  let pairs = 0;
  for (let i = 0; i < N; i++) pairs += Math.min(M, Math.max(0, i + M - N + 1));
  return B * H * pairs;
}

/** Floating-point operations of the work needed: 2D for the score and 2E for the value of every visible pair. */
export function neededFlops(shape: CallShape): number {
  return visiblePairs(shape) * 2 * (shape.D + shape.E);
}

/** Bytes of the keys and values, each read once. */
export function cacheBytes({ B, G, M, D, E }: CallShape): number {
  return B * G * M * (D + E) * 4;
}

/** "8x4096x64" and what differs from the plain case, for names of cases. */
export function describe({ B, H, G, N, M, D, E, causal }: CallShape): string {
  const parts = [`n${N}`];
  if (M !== N) parts.push(`m${M}`);
  if (B !== 1) parts.push(`b${B}`);
  parts.push(`h${H}`);
  if (G !== H) parts.push(`g${G}`);
  parts.push(`d${D}`);
  if (E !== D) parts.push(`e${E}`);
  parts.push(causal ? "causal" : "full");
  return parts.join("-");
}
