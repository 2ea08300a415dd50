import type { ReferenceComparison, Sight } from "@saccade/nn";
import { weightText } from "./markup.ts";

/** What became of a reference, in one line. */
export function referenceText(comparison: ReferenceComparison, tokens: readonly string[], variant: string): string {
  const { query, key, distance, dense, variant: other, dropped, droppedFrom, massLost } = comparison;
  const sees = (name: string, { weight, rank }: Sight): string =>
    rank === undefined ? `${name} does not see it` : `${name} gives it ${weightText(weight)} (rank ${rank})`;
  return [
    `${tokens[query]!.trim()} -> ${tokens[key]!.trim()}, ${distance} back: ${sees("dense", dense)}, ${sees(variant, other)}`,
    `${weightText(massLost)} of dense attention's mass is lost`,
    dropped
      ? "the reference is dropped"
      : dense.found
        ? "the reference is kept"
        : "dense attention does not find it either",
    ...(droppedFrom === undefined
      ? []
      : [`with more or less text between, it is dropped from ${droppedFrom} tokens on`]),
  ].join("; ");
}
