import { describe, expect, it } from "vitest";
import { matchGain } from "./gain.ts";

describe("matchGain", () => {
  it("lifts one match above the noise of all other keys by the margin", () => {
    for (const length of [512, 16384, 2 ** 20]) {
      const gain = matchGain(length, 64, 3);
      expect(gain - gain ** 2 / 128).toBeCloseTo(Math.log(length) + 3, 9);
    }
  });

  it("is about 17 at a million keys of width 64 without a margin", () => {
    expect(matchGain(1e6, 64, 0)).toBeGreaterThan(15);
    expect(matchGain(1e6, 64, 1)).toBeLessThan(18);
  });

  it("is the width where the width is too small for so many keys", () => {
    expect(matchGain(2 ** 20, 16, 3)).toBe(16);
  });
});
