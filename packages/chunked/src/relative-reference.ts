import type { AttentionInputs, ReferenceResult, Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import type { RelativeBias } from "./relative-bias.ts";
import type { RelativeVariant } from "./relative-call.ts";

/**
 * Transformer-XL's attention in float64, by its definition. For a query at position p, over the keys it sees:
 *
 * ```text
 *   s_j = scale ((q + u) . k_j + (q + v) . r_(p - j))      floor(p / C) C - memory <= j <= p
 *   lse = ln(sum_j e^(s_j) + e^sink)
 *   out = sum_j e^(s_j - lse) v_j
 * ```
 */
export function relativeReference(
  { segment, memory, scale }: RelativeVariant,
  { keys: r, contentBias, positionBias }: RelativeBias,
  { q, k, v, queryOffset, keyLengths }: AttentionInputs,
  learnedSinks: Float32Array | undefined,
): ReferenceResult {
  const { batch, heads, length, width } = q;
  const out = new Float64Array(batch * heads * length * v.width);
  const lse = new Float64Array(batch * heads * length);
  const factor = scale ?? 1 / Math.sqrt(width);
  for (let row = 0; row < lse.length; row++) {
    const [i, h] = [row % length, Math.floor(row / length) % heads];
    const b = Math.floor(row / length / heads);
    const g = Math.floor(h / (heads / k.heads));
    const keys = keyLengths?.[b] ?? k.length;
    const offset = (typeof queryOffset === "number" ? queryOffset : queryOffset?.[b]) ?? keys - length;
    const position = offset + i;
    const query = rowAt(q, b, h, i);
    const start = Math.max(0, Math.floor(position / segment) * segment - memory);
    const scores: number[] = [];
    for (let j = start; j < Math.min(keys, position + 1); j++) {
      const key = rowAt(k, b, g, j);
      const rAt = (h * (segment + memory) + position - j) * width;
      let s = 0;
      for (let d = 0; d < width; d++) {
        s += (query[d]! + contentBias[h * width + d]!) * key[d]!;
        s += (query[d]! + positionBias[h * width + d]!) * r[rAt + d]!;
      }
      scores.push(factor * s);
    }
    const sink = learnedSinks?.[h] ?? -Infinity;
    const top = scores.reduce((most, s) => Math.max(most, s), sink);
    lse[row] = top;
    if (top === -Infinity) continue;
    lse[row] = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), Math.exp(sink - top)));
    for (const [index, s] of scores.entries()) {
      const value = rowAt(v, b, g, start + index);
      const weight = Math.exp(s - lse[row]!);
      for (let e = 0; e < v.width; e++) out[row * v.width + e]! += weight * value[e]!;
    }
  }
  return { out, lse };
}

function rowAt(view: Tensor, b: number, h: number, n: number): Float32Array {
  const { offset, strides, width } = view;
  const at = offset + b * strides.b + h * strides.h + n * strides.n;
  return floatsOf(view).subarray(at, at + width);
}
