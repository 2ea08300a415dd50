import fc from "fast-check";
import { expect, test } from "vitest";
import { topKInto } from "../src/top-k.ts";

const score = fc.oneof(
  fc.float({ noNaN: true }),
  fc.constantFrom(0, -0, 1, Infinity, -Infinity, Number.NaN, 1.5, -1.5, 2 ** -149),
);

/** By sorting: the largest first, of equal ones the lowest index; NaN is below everything. */
function sorted(scores: Float32Array, k: number): number[] {
  const value = (j: number): number => (Number.isNaN(scores[j]!) ? -Infinity : scores[j]!);
  const order = [...scores.keys()].sort((x, y) => (value(x) === value(y) ? x - y : value(y) - value(x)));
  return order.slice(0, k).sort((x, y) => x - y);
}

test("takes the k largest, of equal ones the lowest, whatever the scores are", () => {
  fc.assert(
    fc.property(fc.array(score, { maxLength: 120 }), fc.nat({ max: 130 }), fc.nat({ max: 3 }), (list, k, before) => {
      const scores = Float32Array.from([...Array.from({ length: before }, () => 9), ...list]);
      const out = new Int32Array(140).fill(-1);
      const count = topKInto(scores, before, list.length, k, out, 2);
      expect(count).toBe(Math.min(k, list.length));
      expect([...out.subarray(2, 2 + count)]).toEqual(sorted(scores.subarray(before), k));
      expect([...out.subarray(2 + count)].every((each) => each === -1)).toBe(true);
    }),
    { numRuns: 2000 },
  );
});

test("takes the k largest of many", () => {
  const scores = Float32Array.from({ length: 50_000 }, (_, j) => Math.fround(Math.sin(j * j)));
  for (const k of [1, 2, 3, 4, 24, 25, 2048, 49_999]) {
    const out = new Int32Array(k);
    topKInto(scores, 0, scores.length, k, out, 0);
    expect([...out]).toEqual(sorted(scores, k));
  }
});
