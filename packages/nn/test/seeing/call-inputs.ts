import { tensor, type AttentionInputs, type Tensor } from "@saccade/core";
import fc from "fast-check";
import { normal } from "./normal.ts";

export interface Sizes {
  readonly batch?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly queries: number;
  readonly keys?: number;
  readonly headDim?: number;
  readonly valueDim?: number;
  readonly seed?: number;
}

/** 4 query heads on 2 key heads, D = 16 and E = 8 where nothing else is said. */
export function inputs(sizes: Sizes): { q: Tensor; k: Tensor; v: Tensor } {
  const { batch = 1, heads = 4, kvHeads = 2, queries, keys = queries, headDim = 16, valueDim = 8, seed = 1 } = sizes;
  const view = (count: number, length: number, width: number, salt: number): Tensor =>
    tensor(normal(batch * count * length * width, 10 * seed + salt), { shape: [batch, count, length, width] });
  return {
    q: view(heads, queries, headDim, 1),
    k: view(kvHeads, keys, headDim, 2),
    v: view(kvHeads, keys, valueDim, 3),
  };
}

/** Calls of two batch elements: grouped heads, D and E that differ or are odd, positions and key lengths of any kind. */
export const calls: fc.Arbitrary<AttentionInputs> = fc
  .record({
    queries: fc.integer({ min: 1, max: 40 }),
    keys: fc.integer({ min: 1, max: 90 }),
    width: fc.constantFrom(
      { heads: 4, kvHeads: 2, headDim: 16, valueDim: 8 },
      { heads: 4, kvHeads: 1, headDim: 7, valueDim: 11 },
      { heads: 4, kvHeads: 4, headDim: 8, valueDim: 3 },
    ),
    queryOffset: fc.option(fc.array(fc.integer({ min: -5, max: 60 }), { minLength: 2, maxLength: 2 }), {
      nil: undefined,
    }),
    short: fc.option(fc.array(fc.nat({ max: 90 }), { minLength: 2, maxLength: 2 }), { nil: undefined }),
  })
  .map(({ queries, keys, width, queryOffset, short }) => ({
    ...inputs({ batch: 2, queries, keys, ...width, seed: queries + keys }),
    queryOffset,
    keyLengths: short?.map((length) => Math.min(length, keys)),
  }));

/** The largest difference between f32 results and float64 ones. */
export function difference(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let most = got.length === want.length ? 0 : Infinity;
  for (let i = 0; i < want.length; i++) {
    const off = Math.abs(got[i]! - want[i]!);
    most = Number.isNaN(off) ? Infinity : Math.max(most, off);
  }
  return most;
}

export const sumOf = (row: Float32Array): number => row.reduce((sum, weight) => sum + weight, 0);
