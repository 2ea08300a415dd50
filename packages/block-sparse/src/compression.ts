import type { Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";

/** How keys and values are compressed: block c is a weighted sum of the L tokens from c S on. */
export interface Compression {
  /** L */
  readonly length: number;
  /** S */
  readonly stride: number;
  /** [L], or [G, L]. */
  readonly weights: Float64Array;
}

/** Blocks whose tokens are all there. */
export function completeBlocks(tokens: number, { length, stride }: Pick<Compression, "length" | "stride">): number {
  return tokens < length ? 0 : Math.floor((tokens - length) / stride) + 1;
}

/**
 * Compresses tokens of a batch element into all blocks of `to` [B, G, blocks, width]: each sum goes token by token in float64 and is rounded
 * once, so that its bits do not depend on how tokens came.
 *
 * @param tokens [B, G, n, width], from the first token of the first block on.
 */
export function compressBlocks(tokens: Tensor, to: Tensor, b: number, { length, stride, weights }: Compression): void {
  const [source, target] = [floatsOf(tokens), floatsOf(to)];
  const sums = new Float64Array(to.width);
  for (let g = 0; g < to.heads; g++) {
    const weightsAt = weights.length === length ? 0 : g * length;
    for (let block = 0; block < to.length; block++) {
      sums.fill(0);
      let at = tokens.offset + b * tokens.strides.b + g * tokens.strides.h + block * stride * tokens.strides.n;
      for (let i = 0; i < length; i++, at += tokens.strides.n) {
        const weight = weights[weightsAt + i]!;
        for (let d = 0; d < sums.length; d++) sums[d]! += weight * source[at + d]!;
      }
      target.set(sums, to.offset + b * to.strides.b + g * to.strides.h + block * to.strides.n);
    }
  }
}
