import type { HeadRange, Input } from "../input/input.ts";

/** What decides about the bytes of a call's inputs and output. */
export interface CallSizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  readonly length: number;
}

/** Sizes of a call on some of the key heads and the query heads that share them. */
export function groupSizes(input: Input, length: number, { count }: HeadRange): CallSizes {
  const { headDim, valueDim } = input;
  return { heads: (count * input.heads) / input.kvHeads, kvHeads: count, headDim, valueDim, length };
}

/** Bytes of q, k and v. */
export function inputBytes({ heads, kvHeads, length, headDim, valueDim }: CallSizes): number {
  return 4 * length * (heads * headDim + kvHeads * (headDim + valueDim));
}

/** Bytes of the output. */
export function outputBytes({ heads, length, valueDim }: CallSizes): number {
  return 4 * heads * length * valueDim;
}
