import { expect, it } from "vitest";
import { lengthTicks, logDomain, logTicks, timeTicks } from "./log-ticks.ts";

it("ticks powers of ten, and what lies between where there is room", () => {
  expect(logTicks([1, 10]).map(String)).toEqual(["1", "1.5", "2", "3", "5", "7", "10"]);
  expect(logTicks([0.5, 60])).toEqual([0.5, 1, 2, 5, 10, 20, 50]);
  expect(logTicks([1e-7, 1]).length).toBeLessThanOrEqual(8);
});

it("has a domain of some width around a single value", () => {
  const [low, high] = logDomain([5, 5]);
  expect(high / low).toBeGreaterThan(2);
  expect(Math.sqrt(low * high)).toBeCloseTo(5, 6);
  expect(logDomain([1, 0, 100, Infinity])[1]).toBeCloseTo(110, 6);
});

it("labels as many lengths as fit, among them the longest", () => {
  const lengths = Array.from({ length: 12 }, (_, i) => 512 * 2 ** i);
  expect(lengthTicks(lengths, 1000)).toEqual(lengths);
  const few = lengthTicks(lengths, 260);
  expect(few.length).toBeLessThanOrEqual(6);
  expect(few.at(-1)).toBe(1 << 20);
});

it("ticks long times in minutes and hours", () => {
  expect(timeTicks([1, 1e7])).toEqual([1, 10, 100, 1000, 10_000, 60_000, 600_000, 3_600_000]);
  expect(timeTicks([1, 1000])).toEqual(logTicks([1, 1000]));
});
