import type { Strides } from "../../tensor.ts";

type Numbers = Float32Array | Uint8Array;

/** Sizes of a box of rows: batch elements, heads, rows, and numbers a row. */
export interface Box {
  readonly batch: number;
  readonly heads: number;
  readonly rows: number;
  readonly width: number;
}

/**
 * Copies a box of rows between two strided views. Axes that are contiguous in both are joined to runs, as long as they get:
 * one run is one `set`.
 */
export function copyBox<T extends Numbers>(
  to: T,
  toAt: number,
  toStrides: Strides,
  from: T,
  fromAt: number,
  fromStrides: Strides,
  box: Box,
): void {
  if (box.batch === 0 || box.heads === 0 || box.rows === 0 || box.width === 0) return;
  const axes: Axis[] = [];
  if (box.rows > 1) axes.push({ count: box.rows, to: toStrides.n, from: fromStrides.n });
  if (box.heads > 1) axes.push({ count: box.heads, to: toStrides.h, from: fromStrides.h });
  if (box.batch > 1) axes.push({ count: box.batch, to: toStrides.b, from: fromStrides.b });
  if (axes.length > 1) axes.sort((a, b) => a.from - b.from);
  let run = box.width;
  while (axes.length > 0 && axes[0]!.to === run && axes[0]!.from === run) run *= axes.shift()!.count;
  const [inner = NONE, middle = NONE, outer = NONE] = axes;
  for (let o = 0; o < outer.count; o++) {
    for (let m = 0; m < middle.count; m++) {
      let target = toAt + o * outer.to + m * middle.to;
      let source = fromAt + o * outer.from + m * middle.from;
      for (let i = 0; i < inner.count; i++) {
        to.set(from.subarray(source, source + run), target);
        target += inner.to;
        source += inner.from;
      }
    }
  }
}

interface Axis {
  readonly count: number;
  readonly to: number;
  readonly from: number;
}

const NONE: Axis = { count: 1, to: 0, from: 0 };

/** Strides of a box without gaps, its axes in the same order as those of `like`: runs are then longest. */
export function packedStrides(box: Box, like: Strides): Strides {
  return like.h < like.n
    ? { b: box.rows * box.heads * box.width, h: box.width, n: box.heads * box.width }
    : { b: box.heads * box.rows * box.width, h: box.rows * box.width, n: box.width };
}
