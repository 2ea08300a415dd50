import type { AttentionCase } from "./attention-case.ts";

/**
 * Attention a second time, sharing no code with the package: the whole N x M matrix of scores for each head by explicit loops, and the
 * softmax straight from the formula, without a maximum taken out. For scores below some 700.
 */
export function explicitAttention(given: AttentionCase): { out: Float64Array; lse: Float64Array } {
  const { batch, heads, kvHeads, queries, keys, headDim, valueDim, q, k, v, options, window, inputs } = given;
  const out = new Float64Array(batch * heads * queries * valueDim);
  const lse = new Float64Array(batch * heads * queries);
  for (let b = 0; b < batch; b++) {
    const keyLength = inputs.keyLengths === undefined ? keys : inputs.keyLengths[b]!;
    const offsets = inputs.queryOffset ?? keyLength - queries;
    const offset = typeof offsets === "number" ? offsets : offsets[b]!;
    for (let h = 0; h < heads; h++) {
      const kv = b * kvHeads + Math.floor((h * kvHeads) / heads);
      const matrix: number[][] = [];
      for (let i = 0; i < queries; i++) {
        const row: number[] = [];
        for (let j = 0; j < keys; j++) {
          let score = 0;
          for (let d = 0; d < headDim; d++) {
            score += q[((b * heads + h) * queries + i) * headDim + d]! * k[(kv * keys + j) * headDim + d]!;
          }
          score *= options.scale ?? headDim ** -0.5;
          if (options.softcap) score = options.softcap * Math.tanh(score / options.softcap);
          const added = at(inputs.bias, b, h, i, j) ?? 0;
          const shown = (at(inputs.mask, b, h, i, j) ?? 1) !== 0;
          const inTime = Math.abs(i + offset - j) < window && (!options.causal || j <= i + offset);
          row.push(shown && inTime && j < keyLength && added !== -Infinity ? Math.exp(score + added) : 0);
        }
        matrix.push(row);
      }
      for (let i = 0; i < queries; i++) {
        let total = options.learnedSinks === undefined ? 0 : Math.exp(options.learnedSinks[h]!);
        for (let j = 0; j < keys; j++) total += matrix[i]![j]!;
        lse[(b * heads + h) * queries + i] = Math.log(total);
        for (let e = 0; e < valueDim; e++) {
          let sum = 0;
          for (let j = 0; j < keys; j++) {
            if (matrix[i]![j]! > 0) sum += (matrix[i]![j]! / total) * v[(kv * keys + j) * valueDim + e]!;
          }
          out[((b * heads + h) * queries + i) * valueDim + e] = sum;
        }
      }
    }
  }
  return { out, lse };
}

/** The element of a bias or a mask that pair (i, j) of head h meets. */
function at(
  pairs: { data: ArrayLike<number>; shape: readonly number[] } | undefined,
  ...index: [number, number, number, number]
): number | undefined {
  if (pairs === undefined) return undefined;
  let position = 0;
  for (let axis = 0; axis < 4; axis++) {
    position = position * pairs.shape[axis]! + (pairs.shape[axis] === 1 ? 0 : index[axis]!);
  }
  return pairs.data[position];
}
