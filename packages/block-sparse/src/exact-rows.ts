import type { BlockList, Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";

/** Token n of a head as float64 numbers. */
export function row(view: Tensor, b: number, h: number, n: number): Float64Array {
  const { offset, strides, width } = view;
  const at = offset + b * strides.b + h * strides.h + n * strides.n;
  return Float64Array.from(floatsOf(view).subarray(at, at + width));
}

export function dot(x: Float64Array, y: Float64Array): number {
  return x.reduce((sum, each, d) => sum + each * y[d]!, 0);
}

/** The means of blocks of a head's first `length` tokens. */
export function blockMeans(rows: Tensor, b: number, h: number, length: number, blockSize: number): Float64Array[] {
  return Array.from({ length: Math.ceil(length / blockSize) }, (_, block) => {
    const end = Math.min(length, (block + 1) * blockSize);
    const mean = new Float64Array(rows.width);
    for (let n = block * blockSize; n < end; n++) row(rows, b, h, n).forEach((each, d) => (mean[d]! += each));
    return mean.map((sum) => sum / (end - block * blockSize));
  });
}

/** Lists of blocks for everything that has one, each put in ascending order. */
export function ascendingLists(count: number, blocksOf: (index: number) => number[]): BlockList {
  const starts = new Int32Array(count + 1);
  const all: number[] = [];
  for (let index = 0; index < count; index++) {
    all.push(...blocksOf(index).sort((x, y) => x - y));
    starts[index + 1] = all.length;
  }
  return { starts, keyBlocks: Int32Array.from(all) };
}
