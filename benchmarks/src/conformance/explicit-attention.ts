import type { OnnxTensor } from "./proto.ts";

/** ONNX Attention's options in words. Tensors are [B, heads, length, width]. */
export interface ExplicitAttention {
  readonly q: OnnxTensor;
  readonly k: OnnxTensor;
  readonly v: OnnxTensor;
  readonly scale: number;
  readonly softcap: number;
  readonly causal: boolean;
  /** Valid keys, [B]. */
  readonly valid: readonly number[];
  /** Keys before the first query, [B]. */
  readonly before: readonly number[];
  /** What `attn_mask` adds to a pair; -Infinity hides it. */
  readonly added: (b: number, h: number, i: number, j: number) => number;
}

/** The operator's formula written out over every pair in float64: Y and the four matrices that it can show. */
export function explicitAttention(call: ExplicitAttention): { y: Float64Array; modes: readonly Float64Array[] } {
  const [batch, heads, queries, width] = call.q.shape as [number, number, number, number];
  const [, kvHeads, keys] = call.k.shape as [number, number, number, number];
  const valueWidth = call.v.shape[3]!;
  const y = new Float64Array(batch * heads * queries * valueWidth);
  const modes = Array.from({ length: 4 }, () => new Float64Array(batch * heads * queries * keys));
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const kv = b * kvHeads + Math.floor(h / (heads / kvHeads));
      for (let i = 0; i < queries; i++) {
        const row = (b * heads + h) * queries + i;
        for (let j = 0; j < keys; j++) {
          let raw = 0;
          for (let d = 0; d < width; d++) {
            raw += call.q.values[row * width + d]! * call.k.values[(kv * keys + j) * width + d]!;
          }
          raw *= call.scale;
          const capped = call.softcap > 0 ? call.softcap * Math.tanh(raw / call.softcap) : raw;
          const visible = j < call.valid[b]! && (!call.causal || j <= i + call.before[b]!);
          modes[0]![row * keys + j] = raw;
          modes[1]![row * keys + j] = capped;
          modes[2]![row * keys + j] = visible ? capped + call.added(b, h, i, j) : -Infinity;
        }
        const scores = modes[2]!.subarray(row * keys, (row + 1) * keys);
        const top = Math.max(...scores);
        const sum = scores.reduce((total, score) => total + (top === -Infinity ? 0 : Math.exp(score - top)), 0);
        for (let j = 0; j < keys; j++) {
          const p = sum === 0 ? 0 : Math.exp(scores[j]! - top) / sum;
          modes[3]![row * keys + j] = p;
          for (let e = 0; e < valueWidth; e++) {
            y[row * valueWidth + e]! += p * call.v.values[(kv * keys + j) * valueWidth + e]!;
          }
        }
      }
    }
  }
  return { y, modes };
}
