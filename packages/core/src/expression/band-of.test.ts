import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bandOf } from "./band-of.ts";
import { and, mask, type Mask } from "./expression.ts";
import { randomMasks } from "./random-expression.ts";

const parts = fc.oneof(
  fc.constantFrom(
    mask`q >= k`,
    mask`k <= q + 3`,
    mask`q - k < 20`,
    mask`k > q - 7`,
    mask`abs(q - k) < 9`,
    mask`abs(k - q + 2) <= 9`,
    mask`!(q < k || k < q - 30)`,
    mask`q == k`,
    mask`q == k + 3`,
    mask`q - k >= 5`,
    mask`k * -1 + q <= 12.5`,
    mask`max(q - k, k - q) < 15`,
    mask`q - k < ${Infinity}`,
    mask`3.5 > k - q`,
    mask`k < 40`,
    mask`q + k > 4`,
  ),
  randomMasks.map(({ texts, values }) => mask(texts, ...values)),
);

describe("the band of a mask", () => {
  test("and the rest are the mask", () => {
    fc.assert(
      fc.property(fc.array(parts, { minLength: 1, maxLength: 3 }), (masks) => {
        const whole = and(...masks);
        const { ahead, back, rest } = bandOf(whole);
        for (let q = -10; q < 60; q += 3) {
          for (let k = 0; k < 60; k++) {
            const banded = k <= q + ahead && k >= q - back && (rest?.at({ q, k }) ?? true);
            if (banded !== whole.at({ q, k })) expect.fail(`${whole.source} at ${q}, ${k}`);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  const bands: [Mask, ahead: number, back: number][] = [
    [mask`q >= k`, 0, Infinity],
    [mask`k <= q`, 0, Infinity],
    [mask`!(k > q)`, 0, Infinity],
    [mask`q >= k && q - k < 512`, 0, 511],
    [mask`q >= k && k > q - 512`, 0, 511],
    [mask`q >= k && k + 512 > q`, 0, 511],
    [mask`0 <= q - k && q - k <= ${512.5}`, 0, 512],
    [mask`abs(q - k) < 64`, 63, 63],
    [mask`abs(k - q) <= 64`, 64, 64],
    [mask`q == k`, 0, 0],
    [mask`k - q <= 3 && q >= k - 5 && k * -1 + q < ${Infinity}`, 3, Infinity],
    [mask`true`, Infinity, Infinity],
  ];
  test.each(bands.map(([each, ahead, back]) => ({ source: each.source, each, ahead, back })))(
    "of $source is $ahead ahead and $back back",
    ({ each, ahead, back }) => {
      expect(bandOf(each)).toEqual({ ahead, back, rest: undefined });
    },
  );

  test("leaves what is no band in the rest", () => {
    const { ahead, back, rest } = bandOf(mask`q >= k && (q - k < 64 || k < 4) && q - k >= 2`);
    expect([ahead, back]).toEqual([0, Infinity]);
    expect(rest!.at({ q: 5, k: 9 })).toBe(false);
    expect(rest!.at({ q: 100, k: 3 })).toBe(true);
    expect(rest!.at({ q: 100, k: 99 })).toBe(false);
    expect(bandOf(mask`q + k < 9`)).toMatchObject({ ahead: Infinity, back: Infinity });
    expect(bandOf(mask`q - k + 2147483647 > 0`).rest).toBeDefined();
  });
});
