import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Course, crossings as crossingsOf } from "./crossover.ts";
import { fitPowerLaw, longerHalf, type Point } from "./power-law.ts";

const LENGTHS = [512, 1024, 2048, 4096, 8192, 16_384];

const points = (value: (length: number) => number, margin = 0.02, lengths = LENGTHS): Point[] =>
  lengths.map((length) => ({ length, value: value(length), margin }));

/** With the law of the longer half, where there are enough lengths for one. */
const course = (given: readonly Point[]): Course => ({
  points: given,
  law: given.length < 3 ? undefined : fitPowerLaw(longerHalf(given)),
});
const crossings = (first: readonly Point[], second: readonly Point[]) => crossingsOf(course(first), course(second));

const quadratic = points((n) => n * n);

describe("crossings", () => {
  it("finds where two power laws meet, exactly, within the measured lengths", () => {
    fc.assert(
      fc.property(fc.double({ min: 600, max: 15_000, noNaN: true }), (at) => {
        const [crossing, ...more] = crossings(
          quadratic,
          points((n) => at * n, 1e-6),
        );
        expect(more).toEqual([]);
        expect(crossing?.length).toBeCloseTo(at, 3);
        expect(crossing).toMatchObject({ cheaperBeyond: "second", extrapolated: false });
        const [from, to] = crossing?.between ?? [0, 0];
        expect(from <= at && at <= to).toBe(true);
      }),
    );
  });

  it("are the same from both sides", () => {
    const linear = points((n) => 1434 * n);
    const [one] = crossings(quadratic, linear);
    const [other] = crossings(linear, quadratic);
    expect(other?.length).toBeCloseTo(one?.length ?? 0, 6);
    expect([one?.cheaperBeyond, other?.cheaperBeyond]).toEqual(["second", "first"]);
  });

  it("beyond the measured lengths are marked as extrapolated", () => {
    const [crossing, ...more] = crossings(
      quadratic,
      points((n) => 100_000 * n),
    );
    expect(more).toEqual([]);
    expect(crossing).toMatchObject({ cheaperBeyond: "second", extrapolated: true });
    expect(crossing?.length).toBeCloseTo(100_000, 3);
  });

  it("are not looked for far beyond, nor where exponents may be equal, nor with two lengths", () => {
    expect(
      crossings(
        quadratic,
        points((n) => 17 * 16_384 * n),
      ),
    ).toEqual([]);
    const noisy = points((n) => 9e4 * n ** 1.9 * (n % 3 === 1 ? 2 : 0.5));
    expect(crossings(quadratic, noisy)).toEqual([]);
    const two = LENGTHS.slice(0, 2);
    expect(
      crossings(
        points((n) => n * n, 0.02, two),
        points((n) => 100_000 * n, 0.02, two),
      ),
    ).toEqual([]);
  });

  it("are not made of noise: values within their margins have no order", () => {
    const wobbling = points((n) => n * n * (n % 3 === 1 ? 1.01 : 0.99), 0.05);
    expect(crossings(quadratic, wobbling)).toEqual([]);
  });

  it("looks over lengths without an order at the next that has one", () => {
    const factors = [0.5, 0.99, 1.01, 2, 2, 2];
    const other = quadratic.map((point, i) => ({ ...point, value: point.value * (factors[i] ?? 1) }));
    const [crossing, ...more] = crossings(quadratic, other);
    expect(more).toEqual([]);
    expect(crossing).toMatchObject({ cheaperBeyond: "first", between: [512, 4096] });
    expect(crossing?.length).toBeCloseTo(Math.sqrt(1024 * 2048), -1);
  });

  it("tells where two part that were equal", () => {
    const [crossing, ...more] = crossings(
      quadratic,
      points((n) => Math.min(n * n, 1434 * n)),
    );
    expect(more).toEqual([]);
    expect(crossing).toMatchObject({ cheaperBeyond: "second", before: "equal", between: [1024, 2048] });
    expect(crossing?.length).toBeGreaterThan(1024);
    expect(crossing?.length).toBeLessThan(1434);
  });

  it("compares at the lengths that both have", () => {
    const linear = points((n) => 3000 * n, 0.02, [512, 8192]);
    expect(crossings(quadratic, linear)[0]).toMatchObject({ between: [512, 8192], extrapolated: false });
    expect(crossings(quadratic, [])).toEqual([]);
  });
});
