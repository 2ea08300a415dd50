import type { BlockFold } from "@saccade/core/variants";

/**
 * A block's mean, and the mean of its tokens' directions behind it: [mean | mean of x / |x|]. The squared length of the second is the mean
 * cosine similarity of all pairs of tokens of the block, each with itself included. Tokens of length 0 have no direction.
 */
export const similarMeans: BlockFold = {
  width: (width) => 2 * width,
  begin: (rows, at, width) => void rows.fill(0, at, at + 2 * width),
  add(rows, at, tokens, tokenAt, width, count, stride) {
    for (let n = 0, from = tokenAt; n < count; n++, from += stride) {
      let squares = 0;
      for (let d = 0; d < width; d++) squares += tokens[from + d]! * tokens[from + d]!;
      const factor = squares > 0 ? 1 / Math.sqrt(squares) : 0;
      for (let d = 0; d < width; d++) {
        rows[at + d]! += tokens[from + d]!;
        rows[at + width + d]! += tokens[from + d]! * factor;
      }
    }
  },
  end(rows, to, running, from, width, count) {
    for (let d = 0; d < 2 * width; d++) rows[to + d] = running[from + d]! / count;
  },
};
