import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seeded } from "../../test/seeded.ts";
import { fitPowerLaw, longerHalf, type Point, valueAt } from "./power-law.ts";

const LENGTHS = [512, 1024, 2048, 4096, 8192, 16_384, 32_768];

function lawPoints(coefficient: number, exponent: number, noise = () => 0, lengths = LENGTHS): Point[] {
  return lengths.map((length) => ({ length, value: coefficient * length ** exponent * Math.exp(noise()), margin: 0 }));
}

describe("fitPowerLaw", () => {
  it("recovers an exact law, whatever its numbers", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-9, max: 1e9, noNaN: true }),
        fc.double({ min: -3, max: 3, noNaN: true }),
        fc.uniqueArray(fc.integer({ min: 1, max: 1 << 20 }), { minLength: 3, maxLength: 12 }),
        (coefficient, exponent, lengths) => {
          const law = fitPowerLaw(lawPoints(coefficient, exponent, undefined, lengths));
          // Lengths may lie close together: then rounding of the logarithms is divided by a small spread.
          const tolerance = 1e-12 * (1 + 1e3 / Math.sqrt(law.spread));
          expect(Math.abs(law.exponent - exponent)).toBeLessThan(tolerance);
          expect(law.points).toBe(lengths.length);
        },
      ),
    );
  });

  it("has intervals that hold the true exponent in 95 of 100 cases", () => {
    for (const count of [3, 5, 7]) {
      const random = seeded(count);
      let held = 0;
      const trials = 4000;
      for (let trial = 0; trial < trials; trial++) {
        const noise = (): number => 0.1 * random.normal();
        const { exponentInterval } = fitPowerLaw(lawPoints(3e-6, 1.7, noise, LENGTHS.slice(0, count)));
        if (exponentInterval[0] <= 1.7 && 1.7 <= exponentInterval[1]) held++;
      }
      // 4 standard errors of a share of 0.95.
      expect(Math.abs(held / trials - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / trials));
    }
  });

  it("refuses fewer than three lengths, and values without a logarithm", () => {
    expect(() => fitPowerLaw(lawPoints(1, 1).slice(0, 2))).toThrow("fitPowerLaw: expected at least 3 lengths, got 2");
    const same = { length: 512, value: 1, margin: 0 };
    expect(() => fitPowerLaw([same, same, same])).toThrow("got 1");
    expect(() => fitPowerLaw([...lawPoints(1, 1), { length: 9, value: 0, margin: 0 }])).toThrow("got 0 at 9");
  });

  it("leaves out what does not grow, and puts it back", () => {
    const given = lawPoints(2, 1.2).map((point) => ({ ...point, value: point.value + 1e6 }));
    const law = fitPowerLaw(given, 1e6);
    expect(law.exponent).toBeCloseTo(1.2, 9);
    expect(valueAt(law, 65_536, "line").value / (1e6 + 2 * 65_536 ** 1.2)).toBeCloseTo(1, 9);
    expect(() => fitPowerLaw(given, 2e6)).toThrow("expected lengths above 0 and values above 2000000");
  });
});

describe("valueAt", () => {
  it("has bands that hold the law, and further measurements, in 95 of 100 cases within and beyond the lengths", () => {
    for (const length of [512, 4096, 131_072]) {
      const random = seeded(length);
      const [trials, truth] = [4000, 3e-6 * length ** 1.7];
      let [law, measurement] = [0, 0];
      for (let trial = 0; trial < trials; trial++) {
        const noise = (): number => 0.1 * random.normal();
        const fit = fitPowerLaw(lawPoints(3e-6, 1.7, noise));
        const further = truth * Math.exp(noise());
        const [low, high] = valueAt(fit, length, "line").interval;
        if (low <= truth && truth <= high) law++;
        const [least, most] = valueAt(fit, length, "measurement").interval;
        if (least <= further && further <= most) measurement++;
      }
      const tolerance = 4 * Math.sqrt((0.95 * 0.05) / trials);
      expect(Math.abs(law / trials - 0.95)).toBeLessThan(tolerance);
      expect(Math.abs(measurement / trials - 0.95)).toBeLessThan(tolerance);
    }
  });
});

it("takes the longer half, four at least", () => {
  const lengths = (count: number): number[] => longerHalf(lawPoints(1, 1).slice(0, count)).map((point) => point.length);
  expect(lengths(7)).toEqual([4096, 8192, 16_384, 32_768]);
  expect(lengths(5)).toEqual([1024, 2048, 4096, 8192]);
  expect(lengths(2)).toEqual([512, 1024]);
});
