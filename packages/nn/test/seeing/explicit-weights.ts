import type { AttentionInputs } from "@saccade/core";

/** What a variant does to pairs, in plain functions: p position of the query, j key, h head, b batch element. */
export interface ExplicitTerms {
  readonly shows: (p: number, j: number, h: number, b: number) => boolean;
  readonly score?: (s: number, p: number, j: number, h: number) => number;
  readonly softcap?: number;
  /** [H] */
  readonly sinks?: readonly number[];
  readonly scale?: number;
}

/** Weights of one query, by loops over all keys in float64; contiguous [B, H, N, D] inputs. It shares no code with the packages. */
export function explicitWeights(
  { q, k, queryOffset, keyLengths, bias, mask }: AttentionInputs,
  b: number,
  h: number,
  i: number,
  { shows, score = (s) => s, softcap = 0, sinks, scale = 1 / Math.sqrt(q.width) }: ExplicitTerms,
): Float64Array {
  const [H, N, D, G, M] = [q.heads, q.length, q.width, k.heads, k.length];
  const [qs, ks] = [q.data as Float32Array, k.data as Float32Array];
  const length = keyLengths?.[b] ?? M;
  const position = i + (typeof queryOffset === "number" ? queryOffset : (queryOffset?.[b] ?? length - N));
  const row = (b * H + h) * N + i;
  const g = b * G + Math.floor((h * G) / H);
  const pair = ({ shape }: { readonly shape: readonly number[] }, j: number): number => {
    const [, heads, queries] = shape as [number, number, number];
    const at = [shape[0] === 1 ? 0 : b, heads === 1 ? 0 : h, queries === 1 ? 0 : i] as const;
    return ((at[0] * heads + at[1]) * queries + at[2]) * M + j;
  };
  const scores = new Map<number, number>();
  for (let j = 0; j < length; j++) {
    if (!shows(position, j, h, b)) continue;
    if (mask !== undefined && mask.data[pair(mask, j)] === 0) continue;
    let s = 0;
    for (let d = 0; d < D; d++) s += qs[row * D + d]! * ks[(g * M + j) * D + d]!;
    s *= scale;
    if (softcap > 0) s = softcap * Math.tanh(s / softcap);
    s = score(s, position, j, h);
    if (bias !== undefined) s += bias.data[pair(bias, j)]!;
    if (s !== -Infinity) scores.set(j, s);
  }
  const sink = sinks?.[h] ?? -Infinity;
  const top = Math.max(sink, ...scores.values());
  let sum = sinks === undefined ? 0 : Math.exp(sink - top);
  for (const s of scores.values()) sum += Math.exp(s - top);
  const weights = new Float64Array(M);
  for (const [j, s] of scores) weights[j] = Math.exp(s - top) / sum;
  return weights;
}

/**
 * Blocks that a query of topKBlocks takes, by means of keys in float64: its own where it has keys, and
 * of those before it the ones with the largest products.
 */
export function explicitTopKBlocks(
  { q, k, queryOffset, keyLengths }: AttentionInputs,
  { blockSize, topK }: { readonly blockSize: number; readonly topK: number },
): ExplicitTerms["shows"] {
  const [H, N, D, G, M] = [q.heads, q.length, q.width, k.heads, k.length];
  const [qs, ks] = [q.data as Float32Array, k.data as Float32Array];
  return (p, j, h, b) => {
    const length = keyLengths?.[b] ?? M;
    const offset = typeof queryOffset === "number" ? queryOffset : (queryOffset?.[b] ?? length - N);
    const own = Math.floor(p / blockSize);
    const block = Math.floor(j / blockSize);
    if (p < 0 || j > p) return false;
    if (block === own) return true;
    const g = b * G + Math.floor((h * G) / H);
    const products: [block: number, product: number][] = [];
    for (let c = 0; c < own && c * blockSize < length; c++) {
      const end = Math.min(length, (c + 1) * blockSize);
      let product = 0;
      for (let d = 0; d < D; d++) {
        let mean = 0;
        for (let key = c * blockSize; key < end; key++) mean += ks[(g * M + key) * D + d]!;
        product += (qs[((b * H + h) * N + p - offset) * D + d]! * mean) / (end - c * blockSize);
      }
      products.push([c, product]);
    }
    products.sort((x, y) => y[1] - x[1] || x[0] - y[0]);
    return products.slice(0, own * blockSize < length ? topK - 1 : topK).some(([c]) => c === block);
  };
}
