import type { Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";

/** Sizes of a cache of plain numbers. */
export interface WindowSizes {
  readonly batch: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  /** Tokens that it has room for. */
  readonly rows: number;
}

/** The last keys and values of a text in order, [B, G, rows, D] and [B, G, rows, E], key j in row j - first. */
export class WindowCache {
  readonly rows: number;
  readonly k: Tensor;
  readonly v: Tensor;
  /** The first key that is there. */
  first = 0;

  constructor(sizes: WindowSizes) {
    this.rows = sizes.rows;
    this.k = emptyRows(sizes, sizes.headDim);
    this.v = emptyRows(sizes, sizes.valueDim);
  }

  /** Forgets the keys before `first`; those up to `end` move to the front. */
  drop(first: number, end: number): void {
    if (first <= this.first) return;
    for (const view of [this.k, this.v]) {
      const data = floatsOf(view);
      const [from, count] = [(first - this.first) * view.width, Math.max(0, end - first) * view.width];
      for (let head = 0; head < view.batch * view.heads; head++) {
        const at = head * view.strides.h;
        data.copyWithin(at, at + from, at + from + count);
      }
    }
    this.first = first;
  }

  /** Writes tokens [from, to) of k and v as the keys from `key` on. */
  write(k: Tensor, v: Tensor, from: number, to: number, key: number): void {
    copyTokens(this.k, k, from, to, key - this.first);
    copyTokens(this.v, v, from, to, key - this.first);
  }
}

function emptyRows({ batch, kvHeads, rows }: WindowSizes, width: number): Tensor {
  const data = new Float32Array(batch * kvHeads * rows * width);
  const strides = { b: kvHeads * rows * width, h: rows * width, n: width };
  return { data, batch, heads: kvHeads, length: rows, width, layout: "bhnd", offset: 0, strides };
}

function copyTokens(to: Tensor, from: Tensor, start: number, end: number, row: number): void {
  const [source, target] = [floatsOf(from), floatsOf(to)];
  for (let b = 0; b < to.batch; b++) {
    for (let h = 0; h < to.heads; h++) {
      const sourceAt = from.offset + b * from.strides.b + h * from.strides.h;
      const targetAt = b * to.strides.b + h * to.strides.h;
      for (let i = start; i < end; i++) {
        const at = sourceAt + i * from.strides.n;
        target.set(source.subarray(at, at + to.width), targetAt + (row + i - start) * to.width);
      }
    }
  }
}
