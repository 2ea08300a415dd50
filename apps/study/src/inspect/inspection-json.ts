import type { Candidate } from "@saccade/advisor";
import type { InspectedText } from "./inspected-text.ts";
import type { HeadInspection } from "./inspection.ts";

/** What was found, for programs. */
export function inspectionJson(
  text: InspectedText,
  query: number,
  variant: Candidate,
  heads: readonly HeadInspection[],
  files: readonly string[],
): unknown {
  return {
    source: text.description,
    tokens: text.tokens,
    query: { position: query, token: text.tokens[query] },
    variant: variant.id,
    heads: heads.map(({ layer, head, name, sightings, comparison }) => ({
      layer,
      head,
      name,
      attention: sightings.map(({ attention, weights, top }) => ({ attention, weights: [...weights], top })),
      comparison,
    })),
    files,
  };
}
