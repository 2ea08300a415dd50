import type { AttentionInputs, Tensor } from "@saccade/core";

/**
 * Dilated attention as LongNet writes it: cut the tokens of every batch element into segments, take every r-th of each from a head's own
 * place on, attend among those, scatter the rows back, and weight branches by their denominators. f64, contiguous [B, H, N, D].
 */
export function explicitLongNet(
  { q, k, v, queryOffset }: AttentionInputs,
  { segments, dilations }: { readonly segments: readonly number[]; readonly dilations: readonly number[] },
  learnedSinks: readonly number[] | undefined,
): { out: Float64Array; lse: Float64Array } {
  const [B, H, N, E, M] = [q.batch, q.heads, q.length, v.width, k.length];
  const out = new Float64Array(B * H * N * E);
  const denominators = new Float64Array(B * H * N);
  for (let b = 0; b < B; b++) {
    const offset = queryOffset === undefined ? M - N : (queryOffset as ArrayLike<number>)[b]!;
    for (let h = 0; h < H; h++) {
      const g = Math.floor((h * k.heads) / H);
      for (const [branch, w] of segments.entries()) {
        const r = dilations[branch]!;
        for (let start = 0; start < Math.max(M, N + offset); start += w) {
          const taken: number[] = [];
          for (let place = h % r; place < w; place += r) taken.push(start + place);
          for (const p of taken) {
            const i = p - offset;
            if (i < 0 || i >= N) continue;
            const row = (b * H + h) * N + i;
            for (const j of taken) {
              if (j > p || j >= M) continue;
              const z = Math.exp(dot(rowOf(q, b, h, i), rowOf(k, b, g, j)) / Math.sqrt(q.width));
              denominators[row]! += z;
              const value = rowOf(v, b, g, j);
              for (let e = 0; e < E; e++) out[row * E + e]! += z * value[e]!;
            }
          }
        }
      }
      for (let row = (b * H + h) * N; row < (b * H + h + 1) * N; row++) {
        if (learnedSinks !== undefined) denominators[row]! += Math.exp(learnedSinks[h]!);
        for (let e = 0; e < E; e++) if (denominators[row]! > 0) out[row * E + e]! /= denominators[row]!;
      }
    }
  }
  return { out, lse: denominators.map(Math.log) };
}

function rowOf({ data, heads, length, width }: Tensor, b: number, h: number, n: number): Float32Array {
  const at = ((b * heads + h) * length + n) * width;
  return (data as Float32Array).subarray(at, at + width);
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let d = 0; d < a.length; d++) sum += a[d]! * b[d]!;
  return sum;
}
