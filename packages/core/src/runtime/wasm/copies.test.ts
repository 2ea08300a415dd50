import fc from "fast-check";
import { expect, test } from "vitest";
import type { Strides } from "../../tensor.ts";
import { copyBox, packedStrides, type Box } from "./copies.ts";

const box: fc.Arbitrary<Box> = fc.record({
  batch: fc.integer({ min: 0, max: 3 }),
  heads: fc.integer({ min: 0, max: 3 }),
  rows: fc.integer({ min: 0, max: 4 }),
  width: fc.integer({ min: 0, max: 5 }),
});

test("every number of a box arrives and nothing else is touched, in both orders of the axes, with and without gaps", () => {
  fc.assert(
    fc.property(
      box,
      fc.boolean(),
      fc.boolean(),
      fc.nat(3),
      fc.nat(3),
      (sizes, fromHeadsInside, toHeadsInside, gapA, gapB) => {
        const from = strides(sizes, fromHeadsInside, gapA);
        const to = strides(sizes, toHeadsInside, gapB);
        const source = Float32Array.from({ length: 2000 }, (_, i) => i + 1);
        const target = new Float32Array(2000);
        copyBox(target, 7, to, source, 3, from, sizes);
        const expected = new Float32Array(2000);
        for (let b = 0; b < sizes.batch; b++)
          for (let h = 0; h < sizes.heads; h++)
            for (let n = 0; n < sizes.rows; n++)
              for (let w = 0; w < sizes.width; w++)
                expected[7 + b * to.b + h * to.h + n * to.n + w] =
                  source[3 + b * from.b + h * from.h + n * from.n + w]!;
        expect(target).toEqual(expected);
      },
    ),
  );
});

test("packed strides keep the order of the axes and leave no gaps", () => {
  const sizes: Box = { batch: 2, heads: 3, rows: 4, width: 5 };
  expect(packedStrides(sizes, { b: 1000, h: 100, n: 10 })).toEqual({ b: 60, h: 20, n: 5 });
  expect(packedStrides(sizes, { b: 1000, h: 10, n: 100 })).toEqual({ b: 60, h: 5, n: 15 });
});

function strides({ heads, rows, width }: Box, headsInside: boolean, gap: number): Strides {
  const inner = width + gap;
  const outer = inner * (headsInside ? heads : rows) + gap;
  const b = outer * (headsInside ? rows : heads) + gap;
  return headsInside ? { b, h: inner, n: outer } : { b, h: outer, n: inner };
}
