import type { Attention, Mask } from "@saccade/core";
import {
  bandOf,
  softmaxAttention,
  visibilitySchedule,
  type SoftmaxVariant,
  type Visibility,
} from "@saccade/core/variants";
import { commonTerms, type CommonOptions } from "./common-options.ts";
import type { MaskTerms } from "./mask-terms.ts";

/** Which pairs are visible, by positions alone: a definition, a schedule that visits them, and what a decoder keeps. */
export interface Pattern extends Pick<SoftmaxVariant, "name" | "visibility" | "retention" | "schedule"> {
  /** What the schedule's mask is the mask of, where it is one of terms. */
  readonly terms?: MaskTerms | undefined;
}

const patterns = new WeakMap<Attention, Pattern>();

/** Attention over the pairs of a pattern. */
export function patternAttention(pattern: Pattern, options: CommonOptions): Attention {
  const terms = commonTerms(pattern.name, options);
  const attention = softmaxAttention({ ...pattern, selection: "static", ...terms });
  const { scale, softcap, score, learnedSinks } = terms;
  const plain = scale === undefined && softcap === 0 && score === undefined && learnedSinks === undefined;
  if (plain) patterns.set(attention, pattern);
  return attention;
}

/** The pattern of an attention that this package made of nothing but a pattern. */
export function patternOf(attention: Attention): Pattern | undefined {
  return patterns.get(attention);
}

/**
 * The pairs that a mask shows, with the schedule that its bounds prove.
 *
 * @param most queries of a block at most. Default: the number that gives the least work.
 */
export function maskPattern(name: string, shown: Mask, most?: number): Pattern {
  const { ahead, back, rest } = bandOf(shown);
  return visiblePattern(name, { reach: { ahead, back }, mask: rest }, most);
}

/** The same of pairs that are within reach and that a mask shows. */
export function visiblePattern(name: string, visibility: Visibility, most?: number): Pattern {
  return {
    name,
    visibility,
    schedule: (shape, at, pairTerms) => visibilitySchedule(shape, at, visibility, pairTerms, most),
  };
}
