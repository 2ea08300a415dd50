import { describe, expect, test } from "vitest";
import { relativeBias, t5Bias } from "./relative-bias.ts";
import { t5Buckets } from "./t5-buckets.ts";

/** The models' code, in float64: one distance at a time, with logarithms. */
const models = (relative: number, bidirectional: boolean, buckets: number, maxDistance: number): number => {
  let bucket = 0;
  let n = -relative;
  if (bidirectional) {
    buckets = Math.floor(buckets / 2);
    if (n < 0) bucket += buckets;
    n = Math.abs(n);
  } else {
    n = Math.max(n, 0);
  }
  const exact = Math.floor(buckets / 2);
  if (n < exact) return bucket + n;
  const steps = (Math.log(n / exact) / Math.log(maxDistance / exact)) * (buckets - exact);
  // Where the quotient of logarithms is a whole number, rounding may leave it just below.
  return bucket + Math.min(buckets - 1, exact + Math.floor(steps + 1e-9));
};

describe("T5 buckets", () => {
  test("are the models' code", () => {
    for (const bidirectional of [true, false]) {
      for (const [buckets, maxDistance] of [
        [32, 128],
        [32, 20],
        [64, 256],
        [12, 37],
        [320, 800],
      ] as const) {
        const got = t5Buckets({ buckets, maxDistance, bidirectional });
        expect(got).toHaveLength(2 * maxDistance + 1);
        for (let relative = -maxDistance; relative <= maxDistance; relative++) {
          const want = models(relative, bidirectional, buckets, maxDistance);
          expect(got[relative + maxDistance], `k - q = ${relative}`).toBe(want);
        }
      }
    }
  });

  test("begin new ones at 8, 12, 16, 23, 32, 46, 64 and 91 before a query of an encoder", () => {
    const got = t5Buckets();
    const starts = [8, 12, 16, 23, 32, 46, 64, 91];
    for (const [i, distance] of starts.entries()) {
      expect(got[128 - distance]).toBe(8 + i);
      expect(got[128 - distance + 1]).toBe(7 + i);
      expect(got[128 + distance]).toBe(16 + 8 + i);
    }
    expect(got[128]).toBe(0);
    expect(got[129]).toBe(17);
  });

  test("are those of the ends beyond the greatest distance", () => {
    for (const bidirectional of [true, false]) {
      const got = t5Buckets({ bidirectional });
      expect(got[0]).toBe(models(-100_000, bidirectional, 32, 128));
      expect(got.at(-1)).toBe(models(100_000, bidirectional, 32, 128));
    }
  });

  test("refuse sizes that make no sense", () => {
    expect(() => t5Buckets({ buckets: 2 })).toThrow("t5Buckets: buckets is 2, expected an integer of at least 4");
    expect(() => t5Buckets({ maxDistance: 8 })).toThrow(
      "t5Buckets: maxDistance is 8, expected an integer of at least 9",
    );
  });
});

describe("relative biases", () => {
  test("are looked up by head and distance, the ends standing for all beyond", () => {
    const bias = relativeBias(Float32Array.of(1, 2, 3, 10, 20, 30), 2);
    const at = (h: number, distance: number): number => bias.at({ q: 100, k: 100 + distance, h, s: 0.5 });
    expect([-50, -1, 0, 1, 50].map((distance) => at(0, distance))).toEqual([1.5, 1.5, 2.5, 3.5, 3.5]);
    expect([-50, -1, 0, 1, 50].map((distance) => at(1, distance))).toEqual([10.5, 10.5, 20.5, 30.5, 30.5]);
  });

  test("of T5 are the weights of the buckets", () => {
    const heads = 3;
    const weights = Float32Array.from({ length: 32 * heads }, (_, i) => i);
    for (const bidirectional of [true, false]) {
      const bias = t5Bias(weights, { heads, bidirectional });
      for (const distance of [-1000, -128, -91, -90, -8, -1, 0, 1, 7, 8, 127, 4000]) {
        for (let h = 0; h < heads; h++) {
          const bucket = models(distance, bidirectional, 32, 128);
          expect(bias.at({ q: 5000, k: 5000 + distance, h, s: 1 })).toBe(1 + bucket * heads + h);
        }
      }
    }
  });

  test("refuse tables of other sizes", () => {
    expect(() => relativeBias(new Float32Array(8), 2)).toThrow("the table has 8 numbers, expected H = 2 times an odd");
    expect(() => relativeBias([1] as unknown as Float32Array, 1)).toThrow("expected a table as a Float32Array");
    expect(() => t5Bias(new Float32Array(8), { heads: 2 })).toThrow("weights has 8 numbers, expected buckets x H = 64");
  });
});
