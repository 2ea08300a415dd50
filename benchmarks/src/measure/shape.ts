import { visibleKeys } from "./visible-keys.ts";

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
  /** W, with `causal`: only the W nearest keys, q - k < W d. */
  readonly window?: number;
  /** d, with `window`: of those only every d-th, (q - k) % d == 0. */
  readonly dilation?: number;
  /** The tokens are that many documents of random lengths, and see only their own; needs `causal` and N = M. */
  readonly documents?: number;
  /** C, with `density`: only random blocks of C x C pairs are seen, in all heads the same; needs N = M. */
  readonly blocks?: number;
  /** The share of blocks that are seen, with `causal` of those up to the diagonal, which always is. */
  readonly density?: number;
  readonly softcap?: number;
  /** What is added to scores: slopes by distance, or a table by head and distance. */
  readonly score?: "alibi" | "relative";
  /** L of dual chunk attention, whose W is L / 8; queries and keys are turned by the call. */
  readonly dualChunk?: number;
  /** How a decoder keeps keys and values, where not in f32. */
  readonly stored?: "f16" | "bf16" | "i8";
}

/** What a call asks for beyond plain and causal attention. */
export type Feature = (typeof FEATURES)[number];
const FEATURES = [
  "window",
  "dilation",
  "documents",
  "blocks",
  "density",
  "softcap",
  "score",
  "dualChunk",
  "stored",
] as const;

/** The features that a shape needs. */
export function featuresOf(shape: CallShape): Feature[] {
  return FEATURES.filter((feature) => shape[feature] !== undefined);
}

/** Pairs (query row, key) that the call asks for, over all batch elements and query heads. */
export function visiblePairs(shape: CallShape): number {
  const { B, H, N } = shape;
  const keysOf = visibleKeys(shape);
  let pairs = 0;
  for (let i = 0; i < N; i++) pairs += keysOf(i).count;
  return B * H * pairs;
}

/** Floating-point operations of the work needed: 2D for the score and 2E for the value of every visible pair. */
export function neededFlops(shape: CallShape): number {
  return visiblePairs(shape) * 2 * (shape.D + shape.E);
}

/** Bytes of the keys and values that the last query sees, each read once. */
export function cacheBytes(shape: CallShape): number {
  const { B, G, N, D, E, stored } = shape;
  // A factor for every token and head beside 8-bit numbers.
  const [each, beside] = stored === undefined ? [4, 0] : stored === "i8" ? [1, 8] : [2, 0];
  return B * G * visibleKeys(shape)(N - 1).count * ((D + E) * each + beside);
}

/** "8x4096x64" and what differs from the plain case, for names of cases. */
export function describe(shape: CallShape): string {
  const { B, H, G, N, M, D, E, causal } = shape;
  const parts = [`n${N}`];
  if (M !== N) parts.push(`m${M}`);
  if (B !== 1) parts.push(`b${B}`);
  parts.push(`h${H}`);
  if (G !== H) parts.push(`g${G}`);
  parts.push(`d${D}`);
  if (E !== D) parts.push(`e${E}`);
  parts.push(causal ? "causal" : "full");
  for (const feature of featuresOf(shape)) {
    const value = shape[feature]!;
    parts.push(typeof value === "string" ? value : `${feature.toLowerCase()}${value}`);
  }
  return parts.join("-");
}
