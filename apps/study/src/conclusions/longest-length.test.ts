import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../../test/seeded.ts";
import { longestLength as longestOf, type LongestLength, shorter } from "./longest-length.ts";
import { fitPowerLaw, longerHalf, type Point } from "./power-law.ts";

const LENGTHS = [512, 1024, 2048, 4096, 8192];
const points = (value: (length: number) => number): Point[] =>
  LENGTHS.map((length) => ({ length, value: value(length), margin: 0 }));

/** With the law of the longer half, where there are enough lengths for one. */
const longestLength = (given: readonly Point[], limit: number): LongestLength =>
  longestOf(given, limit, given.length < 3 ? undefined : fitPowerLaw(longerHalf(given)));

describe("longestLength", () => {
  it("is interpolated between measured lengths", () => {
    fc.assert(
      fc.property(fc.integer({ min: 513, max: 8190 }), (length) => {
        const found = longestLength(
          points((n) => 7 * n ** 1.5),
          7 * (length + 0.5) ** 1.5,
        );
        expect(found).toEqual({ kind: "measured", length });
      }),
    );
  });

  it("is extrapolated beyond them, with an interval that holds the truth of a noisy law", () => {
    const random = seeded(3);
    let [held, extrapolated] = [0, 0];
    for (let trial = 0; trial < 1000; trial++) {
      const found = longestLength(
        points((n) => n * Math.exp(0.05 * random.normal())),
        30_000,
      );
      if (found.kind !== "extrapolated") continue;
      extrapolated++;
      if (found.interval[0] <= 30_000 && 30_000 <= found.interval[1]) held++;
    }
    expect(extrapolated).toBe(1000);
    expect(held / extrapolated).toBeGreaterThan(0.93);
  });

  it("knows what does not grow", () => {
    const given = points((n) => 8e6 + 100 * n);
    const found = longestOf(given, 8e6 + 100 * 30_000.5, fitPowerLaw(given, 8e6));
    expect(found).toMatchObject({ kind: "extrapolated", length: 30_000 });
  });

  it("does not follow a law to more than 16 times the longest length", () => {
    expect(
      longestLength(
        points((n) => n),
        1e9,
      ),
    ).toEqual({
      kind: "extrapolated",
      length: 16 * 8192,
      interval: [Infinity, Infinity],
      atLeast: true,
    });
  });

  it("says no more than was measured where there is no law to follow", () => {
    expect(longestLength(points((n) => n).slice(0, 2), 1e9)).toEqual({ kind: "at-least", length: 1024 });
    expect(
      longestLength(
        points(() => 5),
        10,
      ),
    ).toEqual({ kind: "at-least", length: 8192 });
  });

  it("is none where the shortest length does not fit, or nothing was measured", () => {
    expect(
      longestLength(
        points((n) => n),
        100,
      ),
    ).toEqual({ kind: "none" });
    expect(longestLength([], 100)).toEqual({ kind: "none" });
  });

  it("is the longest that fits, when a shorter one does not by noise", () => {
    const noisy = points((n) => (n === 1024 ? 5000 : n));
    expect(longestLength(noisy, 4096)).toEqual({ kind: "measured", length: 4096 });
  });
});

it("the shorter of two lengths fits both limits", () => {
  const measured = { kind: "measured", length: 900 } as const;
  const more = { kind: "at-least", length: 8192 } as const;
  expect(shorter(measured, more)).toBe(measured);
  expect(shorter(more, measured)).toBe(measured);
  expect(shorter(more, { kind: "none" })).toEqual({ kind: "none" });
});
