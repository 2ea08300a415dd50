import { expect, it } from "vitest";
import { seeded } from "../../../test/seeded.ts";
import { wilson } from "./wilson.ts";

it("is the published interval", () => {
  // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
  for (const [right, of, low, high] of [
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ] as const) {
    const [least, most] = wilson(right, of)!;
    expect(least).toBeCloseTo(low, 4);
    expect(most).toBeCloseTo(high, 4);
  }
  expect(wilson(0, 0)).toBeUndefined();
});

it("holds the rate in about 95 of 100 cases, over all rates", () => {
  const random = seeded(1);
  let held = 0;
  for (let trial = 0; trial < 10_000; trial++) {
    const rate = random.uniform();
    let right = 0;
    for (let i = 0; i < 40; i++) if (random.uniform() < rate) right++;
    const [low, high] = wilson(right, 40)!;
    if (low <= rate && rate <= high) held++;
  }
  expect(Math.abs(held / 10_000 - 0.95)).toBeLessThan(0.01);
});
