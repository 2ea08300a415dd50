import type { AttentionInputs } from "../attention.ts";
import type { Tensor } from "../tensor.ts";
import { BlockSummary, type BlockFold } from "./block-summary.ts";
import type { Kept, KeptSizes, SelectingCall } from "./selecting-variant.ts";
import type { Steps } from "./steps.ts";

/** One row for every block of a call's keys, [B, G, ceil(M / C), width]. Keys are read up to a batch element's length. */
export function* summariseBlocks<I extends AttentionInputs>(
  { shape, k, positions }: Pick<SelectingCall<I>, "shape" | "k" | "positions">,
  blockSize: number,
  fold: BlockFold,
): Steps<Tensor> {
  const summary = new BlockSummary({ ...shape, blockSize }, fold);
  const keys = (from: number, to: number): Tensor => ({
    ...k,
    offset: k.offset + from * k.strides.n,
    length: to - from,
  });
  for (let b = 0; b < shape.batch; b++) yield* summary.take(b, positions.keyLength[b]!, keys);
  return summary.rows;
}

/** The same rows, kept as a decoder's cache grows. */
export function keepBlocks<I extends AttentionInputs>(
  sizes: KeptSizes,
  blockSize: number,
  fold: BlockFold,
): Kept<I, Tensor> {
  const summary = new BlockSummary({ ...sizes, blockSize }, fold);
  return {
    *take(_inputs, _start, end, keys) {
      for (let b = 0; b < sizes.batch; b++) yield* summary.take(b, end, keys);
    },
    truncate: (length) => summary.truncate(length),
    summary: () => summary.rows,
    free: () => undefined,
  };
}
