import { floatsOf, type Tensor } from "../tensor.ts";
import { breathe, type Steps } from "./steps.ts";

/** How keys of a block become one row. */
export interface BlockFold {
  /** Width of a row, of the width of keys. */
  readonly width: (keyWidth: number) => number;
  /** The running row at `at` before any key. */
  readonly begin: (rows: Float32Array, at: number, keyWidth: number) => void;
  /** Takes `count` keys into it one after the other, `stride` numbers apart. */
  readonly add: (
    rows: Float32Array,
    at: number,
    keys: Float32Array,
    keyAt: number,
    keyWidth: number,
    count: number,
    stride: number,
  ) => void;
  /** The block's row `to`, of the running row `from` after `count` keys. Default: a copy. */
  readonly end?:
    | ((rows: Float32Array, to: number, running: Float32Array, from: number, keyWidth: number, count: number) => void)
    | undefined;
}

const { fround } = Math;

/** The mean of a block's keys. */
export const meanOfKeys: BlockFold = {
  width: (keyWidth) => keyWidth,
  begin: (rows, at, width) => void rows.fill(0, at, at + width),
  add(rows, at, keys, keyAt, width, count, stride) {
    let key = keyAt;
    let left = count;
    // Four at a time, each sum rounded as if they came alone.
    for (; left >= 4; left -= 4, key += 4 * stride) {
      const second = key + stride;
      const third = second + stride;
      const fourth = third + stride;
      for (let d = 0; d < width; d++) {
        const two = fround(fround(rows[at + d]! + keys[key + d]!) + keys[second + d]!);
        rows[at + d] = fround(two + keys[third + d]!) + keys[fourth + d]!;
      }
    }
    for (; left > 0; left--, key += stride) {
      for (let d = 0; d < width; d++) rows[at + d]! += keys[key + d]!;
    }
  },
  end(rows, to, running, from, width, count) {
    for (let d = 0; d < width; d++) rows[to + d] = running[from + d]! / count;
  },
};

/** Numbers that are folded before the event loop may get a turn. */
const SLICE = 2 ** 20;

export interface BlockSummarySizes {
  readonly batch: number;
  readonly kvHeads: number;
  /** D */
  readonly headDim: number;
  /** Keys that there are, or may be. */
  readonly keys: number;
  readonly blockSize: number;
}

export function summaryFloats(
  { batch, kvHeads, headDim, keys, blockSize }: BlockSummarySizes,
  fold: BlockFold,
): number {
  return batch * kvHeads * Math.ceil(keys / blockSize) * fold.width(headDim);
}

/**
 * One row for every block of keys, [B, G, ceil(M / C), width], kept up to date as keys come. Keys are taken in ascending order, one after
 * the other, whoever brings how many at a time: the bits do not depend on that.
 */
export class BlockSummary {
  readonly rows: Tensor;
  readonly #sizes: BlockSummarySizes;
  readonly #fold: BlockFold;
  readonly #data: Float32Array;
  /** [B, G, width] of the block that is not complete. */
  readonly #running: Float32Array;
  /** [B] keys taken. */
  readonly #taken: Int32Array;

  constructor(sizes: BlockSummarySizes, fold: BlockFold) {
    const { batch, kvHeads, headDim, keys, blockSize } = sizes;
    const width = fold.width(headDim);
    const blocks = Math.ceil(keys / blockSize);
    this.#sizes = sizes;
    this.#fold = fold;
    this.#data = new Float32Array(summaryFloats(sizes, fold));
    this.#running = new Float32Array(batch * kvHeads * width);
    this.#taken = new Int32Array(batch);
    this.rows = {
      data: this.#data,
      batch,
      heads: kvHeads,
      length: blocks,
      width,
      layout: "bhnd",
      offset: 0,
      strides: { b: kvHeads * blocks * width, h: blocks * width, n: width },
    };
  }

  /** Takes the keys of batch element b up to `end`. `keys`: f32 keys [B, G, to - from, D] of any range. */
  *take(b: number, end: number, keys: (from: number, to: number) => Tensor): Steps<void> {
    const from = this.#taken[b]!;
    if (end <= from) return;
    const { kvHeads, headDim } = this.#sizes;
    const most = Math.max(1, Math.floor(SLICE / (kvHeads * headDim)));
    for (let start = from; start < end; start += most) {
      const to = Math.min(end, start + most);
      this.#add(b, start, to, keys(start, to));
      yield* breathe();
    }
  }

  /** Forgets the keys from `length` on. A block that it cuts is taken again, from its first key. */
  truncate(length: number): void {
    const { blockSize } = this.#sizes;
    this.#taken.forEach((taken, b) => {
      if (taken > length) this.#taken[b] = Math.floor(length / blockSize) * blockSize;
    });
  }

  #add(b: number, from: number, to: number, { offset, strides, ...view }: Tensor): void {
    const { kvHeads, headDim, blockSize } = this.#sizes;
    const { width } = this.rows;
    const source = floatsOf({ offset, strides, ...view });
    const fold = this.#fold;
    for (let g = 0; g < kvHeads; g++) {
      const running = (b * kvHeads + g) * width;
      const rows = b * this.rows.strides.b + g * this.rows.strides.h;
      for (let key = from; key < to;) {
        const block = Math.floor(key / blockSize);
        const count = Math.min(to, (block + 1) * blockSize) - key;
        const at = offset + b * strides.b + g * strides.h + (key - from) * strides.n;
        if (key === block * blockSize) fold.begin(this.#running, running, headDim);
        fold.add(this.#running, running, source, at, headDim, count, strides.n);
        key += count;
        const row = rows + block * width;
        if (fold.end) fold.end(this.#data, row, this.#running, running, headDim, key - block * blockSize);
        else this.#data.set(this.#running.subarray(running, running + width), row);
      }
    }
    this.#taken[b] = to;
  }
}
