import type { Tensor } from "@saccade/core";
import type { ConstructedHead } from "../heads/head.ts";

/** Which heads of an input are looked at together: key heads first .. first + count - 1 with the query heads that share them. */
export interface HeadRange {
  readonly first: number;
  readonly count: number;
}

/** Queries, keys and values of some heads, batch 1: [1, H, N, D], [1, G, M, D], [1, G, M, E]. */
export interface Slice {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** How well an output names the token that followed. */
export interface Retrieval {
  /** Positions (times induction heads) that were scored: those whose n-gram occurred before. */
  readonly scored: number;
  /** Of those, how many outputs named one of the most frequent followers. */
  readonly correct: number;
  /** Scored positions whose nearest follower is more than an eighth of the length away. */
  readonly farScored: number;
  readonly farCorrect: number;
}

/** Where queries, keys and values come from. Heads are made when they are asked for, so that memory stays bounded at any length. */
export interface Input {
  readonly kind: InputSpec["kind"];
  readonly description: string;
  /** H */
  readonly heads: number;
  /** G */
  readonly kvHeads: number;
  /** D */
  readonly headDim: number;
  /** E */
  readonly valueDim: number;
  /** Tokens there are. */
  readonly maxLength: number;
  /** Factor on q . k; undefined for the default, 1 / sqrt(D). */
  readonly scale: number | undefined;
  /** `length` tokens of some heads: the first of a capture, the middle of a text. */
  slice(length: number, range: HeadRange): Slice;
  /** What key head g was built to do at this length; undefined where heads are given. */
  head(length: number, kvHead: number): ConstructedHead | undefined;
  /** Positions whose output rows `retrieval` reads, ascending; none where the input has no ground truth. */
  retrievalPositions(length: number): readonly number[];
  /** Scores an output [1, H, N, E] of `slice`; undefined where the input has no ground truth. */
  retrieval(length: number, range: HeadRange, out: Tensor, causal: boolean): Retrieval | undefined;
}

/** Everything an input is made from, as plain data, so that a child process can make the same one. */
export type InputSpec = TextSpec | GaussianSpec | SafetensorsSpec;

/** Heads and widths that constructed and random inputs are asked for. */
export interface HeadSizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

export interface TextSpec extends HeadSizes {
  readonly kind: "text";
  readonly file: string;
  readonly tokens: "bytes" | "words";
  /** Tokens that induction heads match. */
  readonly ngram: number;
}

export interface GaussianSpec extends HeadSizes {
  readonly kind: "gaussian";
  readonly seed: number;
}

export interface SafetensorsSpec {
  readonly kind: "safetensors";
  readonly file: string;
  /** Prefix of the tensors' names: `layer0` for `layer0.q`; undefined for plain `q`, or the only layer there is. */
  readonly layer: string | undefined;
}
