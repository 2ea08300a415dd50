import type { HeadRange, Input } from "../input/input.ts";

/** Key heads in groups whose queries, keys and values stay below a number of bytes, one head at least. */
export function headRangesOf(input: Input, length: number, bytesAtOnce: number): HeadRange[] {
  const { heads, kvHeads, headDim, valueDim } = input;
  const bytes = (4 * length * (heads * headDim + kvHeads * (headDim + valueDim))) / kvHeads;
  const together = Math.max(1, Math.min(kvHeads, Math.floor(bytesAtOnce / bytes)));
  const ranges: HeadRange[] = [];
  for (let first = 0; first < kvHeads; first += together) {
    ranges.push({ first, count: Math.min(together, kvHeads - first) });
  }
  return ranges;
}
