import type { AttentionInputs } from "@saccade/core";
import type { SlidingWindowOptions } from "../src/index.ts";

/** The published definition by loops over all pairs, in float64; contiguous [B, H, N, D] inputs. It shares no code with the package. */
export function explicitWindow(
  { window, causal = true, sinks = 0, dilation = 1, perHeadWindow, learnedSinks, softcap = 0 }: SlidingWindowOptions,
  { q, k, v, queryOffset }: AttentionInputs,
): { out: Float64Array; lse: Float64Array } {
  const [B, H, N, D] = [q.batch, q.heads, q.length, q.width];
  const [G, M, E] = [k.heads, k.length, v.width];
  const [qs, ks, vs] = [q, k, v].map(({ data }) => data as Float32Array) as [Float32Array, Float32Array, Float32Array];
  const out = new Float64Array(B * H * N * E);
  const lse = new Float64Array(B * H * N);
  for (let b = 0; b < B; b++) {
    for (let h = 0; h < H; h++) {
      const g = Math.floor((h * G) / H);
      const W = perHeadWindow?.[h] ?? window;
      for (let i = 0; i < N; i++) {
        const position = i + (queryOffset === undefined ? M - N : (queryOffset as ArrayLike<number>)[b]!);
        const seen: [key: number, score: number][] = [];
        for (let j = 0; j < M; j++) {
          const distance = position - j;
          if (causal && distance < 0) continue;
          const near = Math.abs(distance) < W * dilation && Math.abs(distance) % dilation === 0;
          if (!near && j >= sinks) continue;
          let score = 0;
          for (let d = 0; d < D; d++) score += qs[((b * H + h) * N + i) * D + d]! * ks[((b * G + g) * M + j) * D + d]!;
          score /= Math.sqrt(D);
          seen.push([j, softcap > 0 ? softcap * Math.tanh(score / softcap) : score]);
        }
        const sink = learnedSinks?.[h] ?? -Infinity;
        const top = seen.reduce((most, [, score]) => Math.max(most, score), sink);
        let sum = top === -Infinity ? 0 : Math.exp(sink - top);
        for (const [, score] of seen) sum += Math.exp(score - top);
        lse[(b * H + h) * N + i] = sum === 0 ? -Infinity : top + Math.log(sum);
        for (const [j, score] of seen) {
          const weight = Math.exp(score - top) / sum;
          for (let e = 0; e < E; e++)
            out[((b * H + h) * N + i) * E + e]! += weight * vs[((b * G + g) * M + j) * E + e]!;
        }
      }
    }
  }
  return { out, lse };
}
