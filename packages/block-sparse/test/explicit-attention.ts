import type { AttentionInputs } from "@saccade/core";

/** Whether the query at position p sees key j. */
export type Shows = (p: number, j: number, h: number, b: number) => boolean;

/** Softmax attention by loops over all pairs, in float64; contiguous [B, H, N, D] inputs. It shares no code with the package. */
export function explicitAttention(
  { q, k, v, queryOffset, keyLengths }: AttentionInputs,
  shows: Shows,
): { out: Float64Array; lse: Float64Array; pairs: number } {
  const [B, H, N, D] = [q.batch, q.heads, q.length, q.width];
  const [G, M, E] = [k.heads, k.length, v.width];
  const [qs, ks, vs] = [q, k, v].map(({ data }) => data as Float32Array) as [Float32Array, Float32Array, Float32Array];
  const out = new Float64Array(B * H * N * E);
  const lse = new Float64Array(B * H * N);
  let pairs = 0;
  for (let b = 0; b < B; b++) {
    const length = keyLengths?.[b] ?? M;
    const offset = typeof queryOffset === "number" ? queryOffset : (queryOffset?.[b] ?? length - N);
    for (let h = 0; h < H; h++) {
      const g = b * G + Math.floor((h * G) / H);
      for (let i = 0; i < N; i++) {
        const row = (b * H + h) * N + i;
        const seen: [key: number, score: number][] = [];
        for (let j = 0; j < length; j++) {
          if (!shows(i + offset, j, h, b)) continue;
          let score = 0;
          for (let d = 0; d < D; d++) score += qs[row * D + d]! * ks[(g * M + j) * D + d]!;
          seen.push([j, score / Math.sqrt(D)]);
        }
        pairs += seen.length;
        const top = seen.reduce((most, [, score]) => Math.max(most, score), -Infinity);
        let sum = 0;
        for (const [, score] of seen) sum += Math.exp(score - top);
        lse[row] = seen.length === 0 ? -Infinity : top + Math.log(sum);
        for (const [j, score] of seen) {
          const weight = Math.exp(score - top) / sum;
          for (let e = 0; e < E; e++) out[row * E + e]! += weight * vs[(g * M + j) * E + e]!;
        }
      }
    }
  }
  return { out, lse, pairs };
}
