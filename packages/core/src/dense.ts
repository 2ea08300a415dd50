import type { Attention } from "./attention.ts";
import { bandOf } from "./expression/band-of.ts";
import { and, Mask, mask as maskExpression, Score } from "./expression/expression.ts";
import type { Visibility } from "./runtime/runtime.ts";
import { visibilitySchedule } from "./schedule/mask-schedule.ts";
import { softmaxAttention } from "./softmax-attention.ts";
import { describe } from "./tensor.ts";

export interface DenseOptions {
  /** Hide keys after the query's own position. Default false. */
  readonly causal?: boolean | undefined;
  /** Hide what this mask does not show; work is only done where it shows something. Default: nothing is hidden. */
  readonly mask?: Mask | undefined;
  /** What becomes of a scaled and capped score: ALiBi, a relative bias, ... Default: nothing. */
  readonly score?: Score | undefined;
  /** c > 0 bounds scores smoothly: c tanh(s / c), before bias and mask. Default: none. */
  readonly softcap?: number | undefined;
  /** Factor on q . k. Default 1/sqrt(D). */
  readonly scale?: number | undefined;
  /** [H] logits in the softmax's denominator that belong to no key. Default: none. */
  readonly learnedSinks?: ArrayLike<number> | undefined;
}

/**
 * Softmax attention over every key, or with `causal` over every key up to the query's own position:
 *
 * ```text
 *   out_i = sum_j softmax_j(score(cap(scale q_i . k_j)) + bias_ij) v_j
 * ```
 *
 * Query i stands at position i + queryOffset, by default so that the last query meets the last key. Time follows the visible
 * pairs, memory beyond inputs and output does not grow with length.
 *
 * @throws RangeError or TypeError when an option is not a usable number.
 * @example
 * const attend = dense({ causal: true });
 * const { out } = await attend.forward({ q, k, v });
 * @example
 * dense({ mask: mask`${document}[q] == ${document}[k] && k <= q` })
 */
export function dense(options: DenseOptions = {}): Attention {
  const { causal = false, mask, score, softcap, scale, learnedSinks } = options;
  if (scale !== undefined && !Number.isFinite(scale)) {
    throw new RangeError(`dense: scale is ${describe(scale)}, expected a finite number`);
  }
  if (softcap !== undefined && !(softcap >= 0 && Number.isFinite(softcap))) {
    throw new RangeError(`dense: softcap is ${describe(softcap)}, expected a positive number, or 0 for none`);
  }
  if (learnedSinks !== undefined && typeof learnedSinks.length !== "number") {
    throw new TypeError(`dense: learnedSinks is ${describe(learnedSinks)}, expected a list of numbers`);
  }
  if (mask !== undefined && !(mask instanceof Mask)) {
    throw new TypeError(`dense: mask is ${describe(mask)}, expected a mask expression`);
  }
  if (score !== undefined && !(score instanceof Score)) {
    throw new TypeError(`dense: score is ${describe(score)}, expected a score expression`);
  }
  const shown = and(...(causal ? [CAUSAL] : []), ...(mask === undefined ? [] : [mask]));
  const { ahead, back, rest } = bandOf(shown);
  const visibility: Visibility = { reach: { ahead, back }, mask: rest };
  return softmaxAttention({
    name: "dense",
    selection: "static",
    visibility,
    score,
    scale,
    softcap: softcap ?? 0,
    learnedSinks: learnedSinks && Float32Array.from(learnedSinks),
    schedule: (shape, at, pairTerms) => visibilitySchedule(shape, at, visibility, pairTerms),
  });
}

const CAUSAL: Mask = maskExpression`k <= q`;
