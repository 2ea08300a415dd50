import type { TokenText } from "../text/token-text.ts";

/** The job of a constructed head. */
export type HeadJob = "induction" | "local" | "sink";

/** What a head is built from. */
export interface HeadContext {
  /** The N tokens in use. */
  readonly text: TokenText;
  /** D */
  readonly headDim: number;
  /** Tokens that an induction head matches. */
  readonly ngram: number;
}

/**
 * Queries and keys of one key head. Products of a query and a key are logits already: the caller folds the attention's scale in.
 * Query heads of one group share the keys and differ by `rank`, 0 .. H/G - 1.
 */
export interface ConstructedHead {
  readonly job: HeadJob;
  /** Writes the key at `position`, D numbers. */
  key(position: number, into: Float32Array, at: number): void;
  /** Writes the query at `position` of the rank-th query head, D numbers. */
  query(position: number, rank: number, into: Float32Array, at: number): void;
  /** Whether the rank-th query head is meant to look from position `query` at position `key`. */
  isTarget(query: number, key: number, rank: number): boolean;
}
