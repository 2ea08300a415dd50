import type { BlockFold } from "@saccade/core/variants";

/** The largest and the smallest number of every column of a page's keys: [max | min], 2 D numbers. */
export const boundsOfKeys: BlockFold = {
  width: (keyWidth) => 2 * keyWidth,
  begin(rows, at, width) {
    rows.fill(-Infinity, at, at + width);
    rows.fill(Infinity, at + width, at + 2 * width);
  },
  add(rows, at, keys, keyAt, width, count, stride) {
    for (let d = 0; d < width; d++) {
      let [most, least] = [rows[at + d]!, rows[at + width + d]!];
      for (let key = keyAt + d, end = keyAt + d + count * stride; key < end; key += stride) {
        const x = keys[key]!;
        if (x > most) most = x;
        if (x < least) least = x;
      }
      rows[at + d] = most;
      rows[at + width + d] = least;
    }
  },
};
