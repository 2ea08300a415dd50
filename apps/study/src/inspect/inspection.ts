import type { Candidate } from "@saccade/advisor";
import { dense } from "@saccade/core";
import {
  attentionMap,
  compareReferences,
  mapRow,
  topKeys,
  type Attending,
  type Reference,
  type ReferenceComparison,
  type TopKey,
} from "@saccade/nn";
import type { InspectedText } from "./inspected-text.ts";

/** What to look at. */
export interface InspectionOptions {
  readonly query: number;
  readonly heads: readonly number[];
  /** Compared with dense causal attention, where it is not that itself. */
  readonly variant: Candidate;
  /** Keys that are named. */
  readonly top: number;
  /** What the query should find. */
  readonly reference: Reference | undefined;
  /** Distance up to which it is looked for where the variant drops it. Undefined where queries and keys were turned by their positions. */
  readonly upTo: number | undefined;
}

/** How one attention sees the tokens. */
export interface Sighting {
  /** `dense`, or the variant's id. */
  readonly attention: string;
  /** [M], from the query's place. */
  readonly weights: Float32Array;
  readonly top: readonly TopKey<string>[];
  /** Rows for a picture, the query's among them. */
  readonly rows: DrawnRows;
}

export interface DrawnRows {
  /** By index, ascending. */
  readonly queries: readonly number[];
  readonly keys: number;
  /** [queries, keys] */
  readonly weights: Float32Array;
}

/** What was found in one head. */
export interface HeadInspection {
  readonly layer: string;
  readonly head: number;
  readonly name: string;
  /** Dense attention, then the variant where it is another. */
  readonly sightings: readonly Sighting[];
  /** In the head where dense attention gives the expected key the largest weight. */
  readonly comparison: ReferenceComparison | undefined;
}

/** Rows of a picture, at most. */
const ROWS = 64;

/** Looks from one token of a text, head by head. Never at all pairs at once: rows that are drawn end with the query's. */
export async function* inspect(
  { tokens, layer }: InspectedText,
  options: InspectionOptions,
): AsyncGenerator<HeadInspection> {
  const { query, variant, top, reference, upTo } = options;
  const full: Attending = dense({ causal: true });
  // Beside q, k and v a candidate makes inputs for all tokens of a call, so that rows are not asked for alone.
  const other: Attending = {
    name: variant.id,
    selection: variant.selection,
    forward: (call, how) => variant.forward(call, how),
  };
  const same = variant.id === "dense";
  const length = tokens.length;
  const start = length <= ROWS ? 0 : Math.min(Math.max(0, query + 1 - ROWS), length - ROWS);
  const drawn = Array.from({ length: Math.min(ROWS, length) }, (_, n) => start + n);
  const [comparison] =
    reference === undefined || same
      ? []
      : await compareReferences(full, other, layer.inputs, [reference], {
          heads: options.heads,
          alone: false,
          upTo: query - reference.key > 1 ? upTo : undefined,
        });
  const attentions = same ? [full] : [full, other];
  for (const head of options.heads) {
    const sightings: Sighting[] = [];
    for (const attention of attentions) {
      const alone = attention === other ? false : undefined;
      const map = await attentionMap(attention, layer.inputs, { queries: drawn, heads: [head], alone });
      sightings.push({
        attention: attention.name,
        weights: mapRow(map, query, head),
        top: topKeys(map, query, top, { head, tokens }),
        rows: { queries: drawn, keys: length, weights: map.weights },
      });
    }
    yield {
      layer: layer.name,
      head,
      name: layer.heads[head]!,
      sightings,
      comparison: comparison?.head === head ? comparison : undefined,
    };
  }
}
