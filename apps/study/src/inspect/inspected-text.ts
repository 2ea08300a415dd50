import type { AttentionInputs } from "@saccade/core";

/** A text as a layer of a model, or heads that were built, look at it. */
export interface InspectedText {
  /** Where queries and keys come from, in one line. */
  readonly description: string;
  /** As they are shown. */
  readonly tokens: readonly string[];
  /** White space before each of them. */
  readonly gaps: readonly string[];
  readonly layer: InspectedLayer;
}

/** Queries, keys and values of one layer, batch 1, with a token for each query and key; they are causal. */
export interface InspectedLayer {
  readonly name: string;
  /** [H] */
  readonly heads: readonly string[];
  readonly inputs: AttentionInputs;
}
