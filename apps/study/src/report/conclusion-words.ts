import type { Crossover, Growth } from "../conclusions/conclude.ts";
import type { LongestLength } from "../conclusions/longest-length.ts";
import type { PowerLaw } from "../conclusions/power-law.ts";
import { tokens } from "./units.ts";

/** "1.98 (1.95 to 2.01)" */
export function exponentText(law: PowerLaw | undefined): string {
  if (law === undefined) return "–";
  const [low, high] = law.exponentInterval;
  return `${power(law.exponent)} (${power(low)} to ${power(high)})`;
}

/** As `exponentText`, and on how many lengths it stands where these are others than those of the row. */
export function memoryText(law: PowerLaw | undefined, of: Growth | undefined, row: Growth): string {
  if (of === undefined) return "–";
  if (of.law === undefined) return `${pointsText(of)} lengths`;
  return of.points === row.points || law === undefined
    ? exponentText(law)
    : `${exponentText(law)}, ${law.points} lengths`;
}

/** How many lengths an exponent stands on, or why there is none. */
export function pointsText({ points, law }: Growth): string {
  return law === undefined ? `${points}, too few` : String(points);
}

/** "1.4k", "about 96k, extrapolated (60k to 150k)" */
export function crossoverText({ before, length, between, extrapolated }: Crossover): string {
  if (!extrapolated) return before === "equal" ? `${tokens(length)}, equal below` : tokens(length);
  const [low, high] = between;
  const range = Number.isFinite(high) ? `${tokens(low)} to ${tokens(high)}` : `${tokens(low)} or more`;
  return `about ${tokens(length)}, extrapolated (${range})`;
}

/** "17k", "≥ 32k", "about 96k, extrapolated (60k to 150k)", "none" */
export function longestText(longest: LongestLength): string {
  switch (longest.kind) {
    case "none":
      return "none measured";
    case "measured":
      return tokens(longest.length);
    case "at-least":
      return `at least ${tokens(longest.length)}`;
    case "extrapolated": {
      if (longest.atLeast) return `more than ${tokens(longest.length)}, extrapolated`;
      const [low, high] = longest.interval;
      const range = Number.isFinite(high) ? `${tokens(low)} to ${tokens(high)}` : `${tokens(low)} or more`;
      return `about ${tokens(longest.length)}, extrapolated (${range})`;
    }
  }
}

/** Exponents in hundredths, with a minus sign that is one. */
export function power(value: number): string {
  const text = Math.abs(value).toFixed(2);
  return value < 0 && text !== "0.00" ? `−${text}` : text;
}
