import type { Tensor } from "@saccade/core";
import type { CandidateShape } from "./candidate.ts";
import type { HeadSizes } from "./construction.ts";

/** Sizes of heads as shapes and options of decoders say them, or as tensors have them. */
export function headSizes(
  given: Pick<HeadSizes, "heads" | "headDim"> & { readonly kvHeads?: number | undefined },
): HeadSizes;
export function headSizes(given: { readonly q: Tensor; readonly k: Tensor }): HeadSizes;
export function headSizes(
  given:
    | (Pick<HeadSizes, "heads" | "headDim"> & { readonly kvHeads?: number | undefined })
    | { readonly q: Tensor; readonly k: Tensor },
): HeadSizes {
  if ("q" in given) return { heads: given.q.heads, kvHeads: given.k.heads, headDim: given.q.width };
  const { heads, kvHeads = heads, headDim } = given;
  return { heads, kvHeads, headDim };
}

/** @throws RangeError when a sequence becomes longer than the variant knows. */
export function checkMost(id: string, most: number, tokens: number): void {
  if (tokens > most) throw new RangeError(`variant "${id}" takes at most ${most} tokens, got ${tokens}`);
}

/** Tokens of calls that are planned to see whether they would be refused. */
const FEW = 64;

/** Why a call of this shape would fail, if it would: its length against what the variant knows, all else by a plan of few tokens. */
export function refusalOf(
  plan: (shape: CandidateShape) => unknown,
  shape: CandidateShape,
  check: (shape: CandidateShape) => void,
): string | undefined {
  const { queries, keys } = shape;
  try {
    check(shape);
    plan({ ...shape, queries: Math.min(queries, FEW), keys: keys === undefined ? undefined : Math.min(keys, FEW) });
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
