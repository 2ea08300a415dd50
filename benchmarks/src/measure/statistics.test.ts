import { expect, test } from "vitest";
import { median, medianRatio, ratioRange } from "./statistics.ts";

test("the median of an even count is the mean of the middle two", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test("noise that lasts longer than a round does not reach the ratio", () => {
  const b = [10, 10, 40, 40, 10];
  const a = b.map((ms) => ms * 2);
  expect(medianRatio(a, b)).toBe(2);
  expect(ratioRange([...a.slice(0, 4), 50], b)).toEqual({ min: 2, max: 5 });
});
