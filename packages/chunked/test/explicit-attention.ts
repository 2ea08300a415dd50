import type { AttentionInputs } from "@saccade/core";

/** A query, a key, and the numbers that both stand for. */
export interface ExplicitPair {
  /** Position of the query. */
  readonly p: number;
  /** Key. */
  readonly j: number;
  readonly h: number;
  /** [D] each, of the query head and its key head. */
  readonly query: Float32Array;
  readonly key: Float32Array;
}

export interface ExplicitOptions {
  /** How often a pair counts: 0 for hidden. */
  readonly times: (pair: ExplicitPair) => number;
  /** The score of a pair. Default q . k / sqrt(D). */
  readonly scoreOf?: (pair: ExplicitPair) => number;
  readonly learnedSinks?: ArrayLike<number> | undefined;
}

/** Softmax attention by loops over all pairs, in float64; contiguous [B, H, N, D] inputs. It shares no code with the package. */
export function explicitAttention(
  { q, k, v, queryOffset }: AttentionInputs,
  { times, scoreOf = scaledProduct, learnedSinks }: ExplicitOptions,
): { out: Float64Array; lse: Float64Array } {
  const [B, H, N, D] = [q.batch, q.heads, q.length, q.width];
  const [G, M, E] = [k.heads, k.length, v.width];
  const [qs, ks, vs] = [q, k, v].map(({ data }) => data as Float32Array) as [Float32Array, Float32Array, Float32Array];
  const out = new Float64Array(B * H * N * E);
  const lse = new Float64Array(B * H * N);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const g = b * G + Math.floor((h * G) / H);
      for (let i = 0; i < N; i++) {
        const row = (b * H + h) * N + i;
        const p = i + (queryOffset === undefined ? M - N : (queryOffset as ArrayLike<number>)[b]!);
        const query = qs.subarray(row * D, (row + 1) * D);
        const seen: [key: number, score: number, count: number][] = [];
        for (let j = 0; j < M; j++) {
          const pair = { p, j, h, query, key: ks.subarray((g * M + j) * D, (g * M + j + 1) * D) };
          const count = times(pair);
          if (count > 0) seen.push([j, scoreOf(pair), count]);
        }
        const sink = learnedSinks?.[h] ?? -Infinity;
        const top = seen.reduce((most, [, score]) => Math.max(most, score), sink);
        let sum = top === -Infinity ? 0 : Math.exp(sink - top);
        for (const [, score, count] of seen) sum += count * Math.exp(score - top);
        lse[row] = sum === 0 ? -Infinity : top + Math.log(sum);
        for (const [j, score, count] of seen) {
          const weight = (count * Math.exp(score - top)) / sum;
          for (let e = 0; e < E; e++) out[row * E + e]! += weight * vs[(g * M + j) * E + e]!;
        }
      }
    }
  }
  return { out, lse };
}

export function product(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d]! * b[d]!;
  return sum;
}

function scaledProduct({ query, key }: ExplicitPair): number {
  return product(query, key) / Math.sqrt(query.length);
}
