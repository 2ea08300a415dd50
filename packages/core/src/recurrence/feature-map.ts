import type { Steps } from "../selected/steps.ts";
import type { Tensor } from "../tensor.ts";
import type { LinearSizes } from "./linear-state.ts";
import { mapRows } from "./map-rows.ts";
import type { Rows } from "./rows.ts";
import type { Scratch } from "./scratch.ts";

/** Queries or keys whose features are wanted. */
export interface FeatureCall {
  /** [B, heads, N, D] */
  readonly x: Tensor;
  readonly role: "query" | "key";
  /** Tokens of each batch element before these, [B]. */
  readonly before: Int32Array;
  /** Tokens of each batch element among these, [B]. */
  readonly lengths: Int32Array;
  readonly scratch: Scratch;
  /** [B, heads] of keys: the largest exponent so far, for maps whose features are relative to it; it is raised on the way. */
  readonly maximum: Float32Array | Float64Array | undefined;
}

/** Features of tokens, [B, heads, N, features]. */
export interface Features {
  readonly rows: Rows;
  /** [B, heads, N, 1]: the logarithm by which all features before a key shrink, where these are relative to a maximum. */
  readonly log?: Rows | undefined;
}

/** What queries and keys become before they meet. */
export interface FeatureMap {
  readonly name: string;
  /** Whether products of features are never negative, so that their sum can be a denominator. */
  readonly positive: boolean;
  /** Whether features are relative to a running maximum, which only a normaliser takes out again. */
  readonly relative: boolean;
  /** Positions that it knows, 0..most - 1. Default: all. */
  readonly most?: number | undefined;
  /** Features of D numbers. */
  readonly features: (headDim: number) => number;
  /** Numbers that it makes for a row of D, its features and what it needs on the way; 0 where rows are taken as they are. */
  readonly held: (headDim: number) => number;
  /** Factor on outputs without a normaliser. */
  readonly scale: (headDim: number) => number;
  /** What its options ask of the sizes of a call. */
  readonly check?: ((where: string, sizes: LinearSizes) => void) | undefined;
  readonly map: (call: FeatureCall) => Steps<Features>;
}

/** A map of each number alone. */
export function elementwise(name: string, positive: boolean, of: (x: number) => number): FeatureMap {
  return {
    name,
    positive,
    relative: false,
    features: (headDim) => headDim,
    held: (headDim) => headDim,
    scale: (headDim) => 1 / Math.sqrt(headDim),
    *map({ x, role, scratch }) {
      const { width } = x;
      const rows = yield* mapRows(x, width, scratch, role, ({ source, at, target, to }) => {
        for (let d = 0; d < width; d++) target[to + d] = of(source[at + d]!);
      });
      return { rows };
    },
  };
}

/**
 * elu(x) + 1: x + 1 where x > 0, else e^x. Positive.
 *
 * Source: Katharopoulos et al. 2020, "Transformers are RNNs".
 */
export function eluPlusOne(): FeatureMap {
  return elementwise("eluPlusOne", true, (x) => (x > 0 ? x + 1 : Math.exp(x)));
}
