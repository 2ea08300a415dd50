import { bandOf } from "@saccade/core/variants";
import { mask, or } from "@saccade/core";
import { crossSchedule, type Cross } from "./cross-schedule.ts";
import { termsMask, type MaskTerms } from "./mask-terms.ts";
import type { Pattern } from "./pattern.ts";
import { marks } from "./positions-list.ts";

/** Columns, rows and bands: query q sees key k where q is one of the rows, k one of the columns, or q - k in a band. */
export function crossPattern(name: string, cross: Cross): Pattern {
  const { columns, rows, bands, causal } = cross;
  const terms: MaskTerms = { columns, bands };
  const shown = termsMask(terms);
  // Before the first position nothing sees everything: the table begins with one more 0.
  const all = rows.length === 0 ? shown : or(shown, mask`${Uint8Array.of(0, ...marks(rows))}[q + 1] == 1`);
  const { ahead, back, rest } = bandOf(causal ? mask`k <= q && (${all})` : all);
  return {
    name,
    visibility: { reach: { ahead, back }, mask: rest },
    schedule: (shape, at, pairTerms) => crossSchedule(shape, at, { cross, shown }, pairTerms),
    terms,
  };
}
