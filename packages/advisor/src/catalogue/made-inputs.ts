import { tensor, type Gate, type Tensor } from "@saccade/core";
import type { CandidateTokens } from "./candidate.ts";
import type { HeadSizes } from "./construction.ts";

/** Something that a variant reads of tokens beside queries, keys and values, made up where there is no model to compute it. */
export interface TokenInput {
  /** As calls name it. */
  readonly name: string;
  /** Where it is one of linear attention's gates. */
  readonly gate?: Gate | undefined;
  /** Its sizes, as text for people: `[B, V, N, D]`. */
  readonly sizes: string;
  readonly heads: (sizes: HeadSizes) => number;
  readonly width: (sizes: HeadSizes) => number;
  /** Whether it is made of the call's own numbers, not of positions alone. Default false. */
  readonly ofTokens?: boolean | undefined;
  /** Bytes that it takes for N tokens. */
  readonly bytes: (shape: InputShape) => number;
  /** For tokens of which the first is at this position. */
  readonly make: (tokens: CandidateTokens, position: number) => Tensor;
}

/** Sizes of a call that brings it. */
export interface InputShape extends HeadSizes {
  /** N */
  readonly tokens: number;
}

/** An input that numbers of a row are, which its tokens share. */
export interface SharedRow extends Pick<TokenInput, "name" | "gate" | "sizes" | "heads" | "width"> {
  readonly seed: number;
  /** A number of the row, from one in [0, 1) and the width. */
  readonly of: (uniform: number, width: number) => number;
}

/**
 * Channel d of head h of the token at position p is number p + h width + d of a row, each of which a hash of its index decides: a view that
 * overlaps itself. It takes N + H width numbers instead of N H width, and a token has the same numbers however tokens are split
 * into calls.
 */
export function sharedRow({ name, gate, sizes, heads, width, seed, of }: SharedRow): TokenInput {
  const floats = (shape: InputShape): number => shape.tokens + heads(shape) * width(shape);
  return {
    ...{ name, gate, sizes, heads, width },
    bytes: (shape) => 4 * floats(shape),
    make({ q, k }, position) {
      const shape = { heads: q.heads, kvHeads: k.heads, tokens: q.length, headDim: q.width };
      const each = width(shape);
      // Queries stand at the end of the keys.
      const first = position + k.length - q.length;
      const row = Float32Array.from({ length: floats(shape) }, (_, i) => of(hashed(first + i, seed), each));
      return tensor(row, { shape: [q.batch, heads(shape), q.length, each], strides: { b: 0, h: each, n: 1 } });
    },
  };
}

/** In [0, 1), decided by an index and a seed (the finalizer of MurmurHash3). */
function hashed(index: number, seed: number): number {
  let x = (Math.imul(index, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b)) >>> 0;
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32;
}
