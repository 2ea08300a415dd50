import type { Attention } from "@saccade/core";
import { softmaxAttention } from "@saccade/core/variants";
import { checkWhole } from "./checks.ts";
import { chunkReach, chunkSchedule } from "./chunk-schedule.ts";
import { commonTerms, type CommonOptions } from "./common-options.ts";
import { relativeAttention } from "./relative-attention.ts";
import { RelativeTables, type RelativeBias } from "./relative-bias.ts";

export interface SegmentRecurrenceOptions extends CommonOptions {
  /** C: positions of a segment. */
  readonly segment: number;
  /** Keys before a segment that its queries see. */
  readonly memory: number;
  /** The position terms of Transformer-XL. Default: none; a bias by distance alone is faster as a `score`. */
  readonly relativeBias?: RelativeBias | undefined;
}

/**
 * Causal attention inside a segment and into the ones before (Transformer-XL): query q sees key k when
 *
 * ```text
 *   floor(q / C) C - memory <= k <= q
 * ```
 *
 * so that a segment's first query sees `memory` keys before it and its last one C - 1 more: what a model sees that keeps the keys and
 * values of `memory` tokens from one segment to the next. With `relativeBias` the scores are those of the paper,
 *
 * ```text
 *   s = scale (q . k + u_h . k + q . r_h,d + v_h . r_h,d)     d = the query's position minus the key's
 * ```
 *
 * where r_h,d = W_h R_d is the projected embedding of a distance. q . r is no function of the distance alone: it is computed on this thread,
 * segment by segment, for which the kernels take it as a bias of C x (C + memory) numbers a head. Memory stays bounded, but the time of these
 * products, 2 D operations a pair in plain JavaScript, is many times that of the kernels. A learned bias by distance (T5's, ALiBi) is a
 * `score` and costs little: `relativeBias()` of @saccade/positions makes one.
 *
 * A row costs memory + (C + 1) / 2 pairs on average. A decoder keeps memory + C + `rewindable` keys whatever the length, with
 * `relativeBias` up to twice memory + C, in f32.
 *
 * Source: Dai et al. 2019, "Transformer-XL: attentive language models beyond a fixed-length context", section 3.3.
 *
 * @throws RangeError or TypeError when an option is not usable; softcap and score do not go with `relativeBias`.
 * @example
 * const attend = segmentRecurrence({ segment: 512, memory: 512 });
 * const { out } = await attend.forward({ q, k, v });
 */
export function segmentRecurrence(options: SegmentRecurrenceOptions): Attention {
  const name = "segmentRecurrence";
  const { segment, memory, relativeBias } = options;
  checkWhole(`${name}: segment`, segment, 1);
  checkWhole(`${name}: memory`, memory, 0);
  const terms = commonTerms(name, options);
  const reach = chunkReach(segment, 0, memory);
  const plain = softmaxAttention({
    name,
    selection: "static",
    visibility: { reach, mask: undefined },
    retention: { sinks: 0, recent: segment + memory },
    ...terms,
    schedule: (shape, at, pairTerms) => chunkSchedule(shape, at, reach, pairTerms),
  });
  if (relativeBias === undefined) return plain;
  for (const term of ["softcap", "score"] as const) {
    if (options[term] === undefined) continue;
    throw new TypeError(`${name}: ${term} does not go with relativeBias, whose terms are part of the score`);
  }
  const tables = new RelativeTables(name, relativeBias, segment + memory);
  return relativeAttention({
    name,
    segment,
    memory,
    tables,
    plain,
    scale: terms.scale,
    learnedSinks: terms.learnedSinks,
  });
}
