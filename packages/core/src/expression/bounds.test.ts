import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { MaskBounds } from "./bounds.ts";
import { evaluator } from "./evaluate.ts";
import { mask, type Mask, rootOf } from "./expression.ts";
import { randomMasks } from "./random-expression.ts";

const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 30_000 : 3000;

const range = (start: fc.Arbitrary<number>): fc.Arbitrary<[number, number]> =>
  fc
    .tuple(start, fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 60 })))
    .map(([first, more]) => [first, first + more]);
const rectangles = fc.record({
  queries: range(fc.oneof(fc.integer({ min: -40, max: 300 }), fc.integer({ min: -(2 ** 30), max: 2 ** 30 - 100 }))),
  keys: range(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 2 ** 30 - 100 }))),
  b: fc.integer({ min: 0, max: 3 }),
  h: fc.integer({ min: 0, max: 5 }),
});

describe("the bounds of a mask", () => {
  test("never call a rectangle empty or full that is not", () => {
    fc.assert(
      fc.property(randomMasks, rectangles, ({ texts, values }, { queries, keys, b, h }) => {
        const random = mask(texts, ...values);
        const bounds = new MaskBounds(random);
        bounds.setQueries(...queries, b, h);
        const decision = bounds.decide(...keys);
        if (decision === "some") return;
        const at = { q: 0, k: 0, b, h, s: 0 };
        const value = evaluator(rootOf(random));
        const expected = decision === "all" ? 1 : 0;
        for (at.q = queries[0]; at.q <= queries[1]; at.q++) {
          for (at.k = keys[0]; at.k <= keys[1]; at.k++) {
            if (value(at) !== expected) expect.fail(`${random.source} at ${at.q}, ${at.k} is not ${decision}`);
          }
        }
      }),
      { numRuns },
    );
  });

  test("tell exactly on single pairs of ints", () => {
    fc.assert(
      fc.property(fc.integer({ min: -50, max: 200 }), fc.integer({ min: 0, max: 200 }), (q, k) => {
        for (const each of exact) {
          const bounds = new MaskBounds(each);
          bounds.setQueries(q, q, 0, 0);
          expect(bounds.decide(k, k)).toBe(each.at({ q, k }) ? "all" : "none");
        }
      }),
    );
  });

  const documents = Int32Array.from({ length: 4096 }, (_, i) => Math.floor(i / 1000));
  const exact = [
    mask`q >= k`,
    mask`q - k >= 0 && q - k < 64`,
    mask`abs(q - k) < 64`,
    mask`floor(q / 128) == floor(k / 128)`,
    mask`${documents}[q] == ${documents}[k]`,
    mask`(q - k) % 3 == 0`,
    mask`k < 100 ? q >= k : q % 4 == k % 4`,
    mask`-q * k + 5 > min(q, k) || max(q, k) != 7`,
  ];

  const decisions: [Mask, [number, number], [number, number], string][] = [
    [mask`q >= k`, [100, 199], [0, 100], "all"],
    [mask`q >= k`, [100, 199], [0, 101], "some"],
    [mask`q >= k`, [100, 199], [200, 300], "none"],
    [mask`q >= k && q - k < 64`, [100, 120], [57, 100], "all"],
    [mask`q >= k && q - k < 64`, [100, 120], [56, 100], "some"],
    [mask`q >= k && q - k < 64`, [100, 120], [0, 36], "none"],
    [mask`abs(q - k) < 64`, [100, 120], [57, 163], "all"],
    [mask`abs(q - k) < 64`, [100, 120], [184, 500], "none"],
    [mask`floor(q / 128) == floor(k / 128)`, [130, 200], [128, 255], "all"],
    [mask`floor(q / 128) == floor(k / 128)`, [130, 200], [256, 400], "none"],
    [mask`${documents}[q] == ${documents}[k]`, [1000, 1999], [1000, 1999], "all"],
    [mask`${documents}[q] == ${documents}[k]`, [1000, 1999], [0, 999], "none"],
    [mask`${documents}[q] == ${documents}[k]`, [1000, 1999], [999, 1999], "some"],
    [mask`q >= k && (q - k < 64 || k < 4)`, [1000, 1100], [0, 3], "all"],
    [mask`q >= k && (q - k < 64 || k < 4)`, [1000, 1100], [4, 936], "none"],
    [mask`h < 4 ? q >= k : true`, [0, 10], [5, 20], "some"],
    [mask`h >= 1 ? q >= k : true`, [0, 10], [5, 20], "all"],
    [mask`(q - k) % 1 == 0`, [0, 10], [5, 20], "all"],
    [mask`(q - k) % 8 == 0`, [9, 10], [4, 7], "none"],
    [mask`${documents}[q] + 0.5 < ${documents}[k]`, [0, 10], [1000, 2000], "all"],
  ];
  test.each(decisions.map(([each, ...rest]) => ({ source: each.source, each, rest })))(
    "decide $source over $rest",
    ({ each, rest: [queries, keys, decision] }) => {
      const bounds = new MaskBounds(each);
      bounds.setQueries(...queries, 0, 0);
      expect(bounds.decide(...keys)).toBe(decision);
    },
  );

  test("are everything where ints wrap", () => {
    const bounds = new MaskBounds(mask`q + 2147483647 > k`);
    bounds.setQueries(0, 1, 0, 0);
    expect(bounds.decide(0, 0)).toBe("some");
  });
});
