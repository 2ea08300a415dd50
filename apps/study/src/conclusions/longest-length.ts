import { FARTHEST } from "./crossover.ts";
import { type Interval, type Point, type PowerLaw, valueAt } from "./power-law.ts";

/**
 * The longest length at which a quantity stays within a limit.
 *
 * - `measured`: between two measured lengths, interpolated on logarithms.
 * - `extrapolated`: beyond the measured lengths, by a power law; `interval` is where the 95% band of one further
 *   measurement reaches the limit, with Infinity, which JSON writes as null, where it does not within the reach of laws. `atLeast` where the law
 *   itself does not.
 * - `at-least`: everything measured fits, and there is no law that grows to go on with.
 * - `none`: the shortest measured length does not fit.
 */
export type LongestLength =
  | { readonly kind: "measured"; readonly length: number }
  | { readonly kind: "extrapolated"; readonly length: number; readonly interval: Interval; readonly atLeast: boolean }
  | { readonly kind: "at-least"; readonly length: number }
  | { readonly kind: "none" };

/**
 * @param limit In the unit of the values.
 * @param law How the values go on beyond the longest length.
 */
export function longestLength(points: readonly Point[], limit: number, law: PowerLaw | undefined): LongestLength {
  const sorted = [...points].sort((a, b) => a.length - b.length);
  // From the long end: noise at short lengths does not matter when a longer one fits.
  const at = sorted.findLastIndex((point) => point.value <= limit);
  const [fits, exceeds] = [sorted[at], sorted[at + 1]];
  if (fits === undefined) return { kind: "none" };
  if (exceeds !== undefined) {
    const part = Math.log(limit / fits.value) / Math.log(exceeds.value / fits.value);
    return { kind: "measured", length: Math.floor(fits.length * (exceeds.length / fits.length) ** part) };
  }
  if (law === undefined || law.exponent <= 0) return { kind: "at-least", length: fits.length };
  return beyond(law, fits.length, limit);
}

/** The shorter of two: what fits both limits. */
export function shorter(a: LongestLength, b: LongestLength): LongestLength {
  if (a.kind === "none" || b.kind === "none") return { kind: "none" };
  return b.length < a.length ? b : a;
}

function beyond(law: PowerLaw, longest: number, limit: number): LongestLength {
  const farthest = longest * FARTHEST;
  const length = ((limit - law.offset) / law.coefficient) ** (1 / law.exponent);
  const reaches = (side: 0 | 1): number => {
    let [low, high] = [longest, farthest];
    if (valueAt(law, high, "measurement").interval[side] <= limit) return Infinity;
    for (let step = 0; step < 60; step++) {
      const middle = Math.sqrt(low * high);
      if (valueAt(law, middle, "measurement").interval[side] <= limit) low = middle;
      else high = middle;
    }
    return low;
  };
  const clamped = Math.min(Math.max(length, longest), farthest);
  return {
    kind: "extrapolated",
    length: Math.floor(clamped),
    interval: [Math.floor(reaches(1)), Math.floor(reaches(0))],
    atLeast: length >= farthest,
  };
}
