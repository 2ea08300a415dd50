import type { Attention, Mask } from "@saccade/core";
import { bandOf, softmaxAttention, visibilitySchedule, type SoftmaxVariant } from "@saccade/core/variants";
import { commonTerms, type CommonOptions } from "./common-options.ts";

/** Which pairs are visible, by positions alone: a definition, a schedule that visits them, and what a decoder keeps. */
export type Pattern = Pick<SoftmaxVariant, "name" | "visibility" | "retention" | "schedule">;

/** Attention over the pairs of a pattern. */
export function patternAttention(pattern: Pattern, options: CommonOptions): Attention {
  return softmaxAttention({ ...pattern, selection: "static", ...commonTerms(pattern.name, options) });
}

/**
 * The pairs that a mask shows, with the schedule that its bounds prove.
 *
 * @param most queries of a block at most. Default: the number that gives the least work.
 */
export function maskPattern(name: string, shown: Mask, most?: number): Pattern {
  const { ahead, back, rest } = bandOf(shown);
  const visibility = { reach: { ahead, back }, mask: rest };
  return {
    name,
    visibility,
    schedule: (shape, at, pairTerms) => visibilitySchedule(shape, at, visibility, pairTerms, most),
  };
}
