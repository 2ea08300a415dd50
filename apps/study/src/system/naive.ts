import { dense, type Tensor, tensor } from "@saccade/core";
import { numbersOf, type Slice } from "../input/input.ts";
import type { CallShape, Cost, System, SystemOptions } from "./system.ts";

/**
 * Attention as it is written on a slide, over typed arrays: the score matrix of all heads [H, N, M] is computed, masked, put through
 * the softmax and multiplied with V. Scores, weights and the running outputs are f32; the products q . k are summed as JavaScript numbers,
 * which are float64.
 */
export const naive: System = {
  name: "naive",
  description: "plain JavaScript that stores the N x M scores",
  definition: ({ causal, scale }) => dense({ causal, scale }),
  cost: naiveCost,
  open: async (options) => ({
    cost: (shape) => naiveCost(shape, options),
    run: async (slice) => ({
      out: naiveAttention(slice, options.causal, options.scale),
      runtime: "javascript",
      instructionSet: "scalar",
      threads: 1,
      notTaken: [],
    }),
    [Symbol.asyncDispose]: async () => {},
  }),
};

function naiveCost(shape: CallShape, { causal }: SystemOptions): Cost {
  const { heads, length, headDim, valueDim } = shape;
  const visitedPairs = heads * length * length;
  const visiblePairs = causal ? (heads * length * (length + 1)) / 2 : visitedPairs;
  return {
    visiblePairs,
    visitedPairs,
    flops: 2 * (headDim + valueDim) * visiblePairs,
    workspaceBytes: 4 * visitedPairs,
    bytesRead: undefined,
  };
}

/** softmax(scale Q K' + mask) V, [1, H, N, E]. The scale is 1 / sqrt(D) unless it is given. */
export function naiveAttention({ q, k, v }: Slice, causal: boolean, scale?: number): Tensor {
  const factor = scale ?? 1 / Math.sqrt(q.width);
  const [queries, keys, heads] = [q.length, k.length, q.heads];
  const stack = heads / k.heads;
  const scores = new Float32Array(heads * queries * keys);
  const out = new Float32Array(heads * queries * v.width);
  const [qs, ks, vs] = [numbersOf(q), numbersOf(k), numbersOf(v)];

  for (let h = 0; h < heads; h++) {
    const g = Math.floor(h / stack);
    for (let i = 0; i < queries; i++) {
      const row = (h * queries + i) * keys;
      const qRow = q.offset + h * q.strides.h + i * q.strides.n;
      for (let j = 0; j < keys; j++) {
        const kRow = k.offset + g * k.strides.h + j * k.strides.n;
        let s = 0;
        for (let d = 0; d < q.width; d++) s += qs[qRow + d]! * ks[kRow + d]!;
        scores[row + j] = causal && j > i + keys - queries ? -Infinity : s * factor;
      }
    }
  }

  for (let row = 0; row < scores.length; row += keys) {
    let max = -Infinity;
    for (let j = row; j < row + keys; j++) if (scores[j]! > max) max = scores[j]!;
    let sum = 0;
    for (let j = row; j < row + keys; j++) {
      scores[j] = Math.exp(scores[j]! - max);
      sum += scores[j]!;
    }
    for (let j = row; j < row + keys; j++) scores[j]! /= sum;
  }

  for (let h = 0; h < heads; h++) {
    const g = Math.floor(h / stack);
    for (let i = 0; i < queries; i++) {
      const row = (h * queries + i) * keys;
      const outRow = (h * queries + i) * v.width;
      for (let j = 0; j < keys; j++) {
        const p = scores[row + j]!;
        const vRow = v.offset + g * v.strides.h + j * v.strides.n;
        for (let e = 0; e < v.width; e++) out[outRow + e]! += p * vs[vRow + e]!;
      }
    }
  }
  return tensor(out, { shape: [1, heads, queries, v.width] });
}
