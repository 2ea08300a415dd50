import { tensor, type Tensor } from "@saccade/core";
import type { CandidateTokens } from "../src/index.ts";

export interface Sizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly tokens: number;
  readonly headDim: number;
}

/** Numbers of variance 1 from a seed (mulberry32, Box and Muller). */
export function tokensOf({ heads, kvHeads, tokens, headDim }: Sizes, seed = 1): CandidateTokens {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const rows = (count: number): Tensor =>
    tensor(
      Float32Array.from(
        { length: count * tokens * headDim },
        () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
      ),
      { shape: [1, count, tokens, headDim] },
    );
  return { q: rows(heads), k: rows(kvHeads), v: rows(kvHeads) };
}

/** Tokens [from, to) of a call. */
export function part({ q, k, v }: CandidateTokens, from: number, to: number): CandidateTokens {
  const cut = (view: Tensor): Tensor => ({
    ...view,
    offset: view.offset + from * view.strides.n,
    length: to - from,
  });
  return { q: cut(q), k: cut(k), v: cut(v) };
}

/** All numbers of a tensor, in the order of its axes. */
export function numbersOf(view: Tensor): Float32Array {
  const data = view.data as Float32Array;
  const { batch, heads, length, width, offset, strides } = view;
  const numbers = new Float32Array(batch * heads * length * width);
  let to = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let n = 0; n < length; n++) {
        const at = offset + b * strides.b + h * strides.h + n * strides.n;
        numbers.set(data.subarray(at, at + width), to);
        to += width;
      }
    }
  }
  return numbers;
}

/** The largest difference, as a share of the largest number. */
export function difference(a: Float32Array, b: Float32Array): number {
  let [most, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i]! - b[i]!));
    largest = Math.max(largest, Math.abs(b[i]!));
  }
  return most / largest;
}
