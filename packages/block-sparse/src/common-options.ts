import type { Score } from "@saccade/core";
import type { SoftmaxVariant } from "@saccade/core/variants";
import { shown } from "./checks.ts";

/** What all fixed patterns take, whichever pairs they show. */
export interface CommonOptions {
  /** Factor on q . k. Default 1/sqrt(D). */
  readonly scale?: number | undefined;
  /** c > 0 bounds scores smoothly: c tanh(s / c). Default: none. */
  readonly softcap?: number | undefined;
  /** What becomes of a scaled and capped score: ALiBi, a relative bias, ... Default: nothing. */
  readonly score?: Score | undefined;
  /** [H] logits in the softmax's denominator that belong to no key. Default: none. */
  readonly learnedSinks?: ArrayLike<number> | undefined;
}

/** @throws RangeError or TypeError naming the option, what was expected and what came. */
export function commonTerms(
  where: string,
  { scale, softcap = 0, score, learnedSinks }: CommonOptions,
): Pick<SoftmaxVariant, "scale" | "softcap" | "score" | "learnedSinks"> {
  if (scale !== undefined && !Number.isFinite(scale)) {
    throw new RangeError(`${where}: scale is ${shown(scale)}, expected a finite number`);
  }
  if (!(softcap >= 0 && Number.isFinite(softcap))) {
    throw new RangeError(`${where}: softcap is ${shown(softcap)}, expected a positive number, or 0 for none`);
  }
  if (learnedSinks !== undefined && typeof learnedSinks.length !== "number") {
    throw new TypeError(`${where}: learnedSinks is ${shown(learnedSinks)}, expected a number for every query head`);
  }
  return { scale, softcap, score, learnedSinks: learnedSinks && Float32Array.from(learnedSinks) };
}
