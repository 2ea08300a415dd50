import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RangeBounds } from "./range-bounds.ts";

const cases = fc
  .tuple(fc.integer({ min: 1, max: 2000 }), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 1e9 }))
  .map(([length, x, y, seed]) => {
    const array = Float64Array.from({ length }, (_, i) => Math.sin(seed * (i + 1)));
    const [first, last] = [x % length, y % length].sort((a, b) => a - b) as [number, number];
    return { array, first, last };
  });

describe("the bounds of a range", () => {
  test("are its least and greatest entry", () => {
    fc.assert(
      fc.property(cases, ({ array, first, last }) => {
        const bounds = new RangeBounds(array);
        bounds.find(first, last);
        const entries = array.subarray(first, last + 1);
        expect([bounds.low, bounds.high]).toEqual([Math.min(...entries), Math.max(...entries)]);
      }),
    );
  });

  test("are everything where there is a NaN", () => {
    const array = new Float32Array(500);
    array[130] = NaN;
    const bounds = new RangeBounds(array);
    for (const [first, last, found] of [
      [0, 499, true],
      [130, 130, true],
      [0, 129, false],
      [131, 499, false],
    ] as const) {
      bounds.find(first, last);
      expect([bounds.low, bounds.high]).toEqual(found ? [-Infinity, Infinity] : [0, 0]);
    }
  });
});
