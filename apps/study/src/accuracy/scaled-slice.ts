import { floatsOf } from "@saccade/core/variants";
import type { HeadRange, Input, Slice } from "../input/input.ts";

/**
 * Some heads of an input as candidates take them: they multiply q . k by 1 / sqrt(D), so what else the input's scale asks for is
 * multiplied into q, in the slice's own new array.
 */
export function scaledSlice(input: Input, length: number, range: HeadRange): Slice {
  const slice = input.slice(length, range);
  if (input.scale === undefined) return slice;
  const factor = input.scale * Math.sqrt(input.headDim);
  const numbers = floatsOf(slice.q);
  for (let i = 0; i < numbers.length; i++) numbers[i]! *= factor;
  return slice;
}
