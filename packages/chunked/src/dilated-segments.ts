import { mask, type Attention, type Mask } from "@saccade/core";
import { softmaxAttention } from "@saccade/core/variants";
import { checkWhole, shown } from "./checks.ts";
import { chunkReach } from "./chunk-schedule.ts";
import { commonTerms, type CommonOptions } from "./common-options.ts";
import { dilatedSchedule, type DilatedBranch } from "./dilated-schedule.ts";
import { mixture } from "./mixture.ts";

export interface DilatedSegmentsOptions extends CommonOptions {
  /** w of every branch: positions of a segment. LongNet: 2048, 4096, 8192, ... */
  readonly segments: ArrayLike<number>;
  /** r of every branch: every r-th token of a segment takes part. LongNet: 1, 2, 4, ... */
  readonly dilations: ArrayLike<number>;
}

/**
 * Dilated attention, causal (LongNet): branches of segments, each thinned out more the longer they are. In branch (w, r) head h takes the
 * tokens at places h % r, h % r + r, ... of every segment, and query q sees key k when
 *
 * ```text
 *   floor(q / w) == floor(k / w)   and   (q mod w) % r == (k mod w) % r == h % r   and   k <= q
 * ```
 *
 * Branches are weighted by their softmax denominators z = e^lse, so that near and far keys meet in one softmax:
 *
 * ```text
 *   out = sum_i z_i out_i / sum_i z_i
 *   lse = ln sum_i z_i
 * ```
 *
 * That is the definition: a key that several branches see counts once in each. A row that no branch takes for a head is 0, its lse
 * -Infinity, which a branch with r = 1 rules out. Learned sinks enter once, as one more term of the sum over z.
 *
 * A row costs sum_i w_i / (2 r_i^2) pairs on average, over the heads; branches run one after the other, each with an output of its own, and
 * are then mixed. A decoder keeps a cache for each branch, sum_i (w_i + `rewindable`) keys whatever the length; only the first branch of
 * an `append` can be cancelled.
 *
 * Source: Ding et al. 2023, "LongNet: scaling transformers to 1,000,000,000 tokens", equations 5 to 11.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = dilatedSegments({ segments: [2048, 4096, 8192], dilations: [1, 2, 4] });
 * const { out } = await attend.forward({ q, k, v });
 */
export function dilatedSegments(options: DilatedSegmentsOptions): Attention {
  const { segments, dilations } = options;
  if (typeof segments?.length !== "number" || segments.length === 0) {
    throw new TypeError(`dilatedSegments: segments is ${shown(segments)}, expected a list of lengths`);
  }
  if (dilations?.length !== segments.length) {
    const got = shown(dilations?.length);
    throw new RangeError(
      `dilatedSegments: dilations has ${got} numbers, expected as many as segments, ${segments.length}`,
    );
  }
  const branches = Array.from(segments, (segment, i) => {
    checkWhole(`dilatedSegments: segments[${i}]`, segment, 1);
    return { segment, dilation: checkWhole(`dilatedSegments: dilations[${i}]`, dilations[i]!, 1) };
  });
  const { learnedSinks, ...terms } = commonTerms("dilatedSegments", options);
  const attentions = branches.map((branch) =>
    softmaxAttention({
      name: "dilatedSegments",
      selection: "static",
      visibility: { reach: chunkReach(branch.segment, 0, 0), mask: takenBy(branch) },
      retention: { sinks: 0, recent: branch.segment },
      ...terms,
      learnedSinks: undefined,
      schedule: (shape, at, pairTerms) => dilatedSchedule(shape, at, branch, pairTerms),
    }),
  );
  return mixture("dilatedSegments", attentions, learnedSinks);
}

/** The tokens of a segment that a head takes. */
function takenBy({ segment: w, dilation: r }: DilatedBranch): Mask | undefined {
  return r === 1 ? undefined : mask`(q % ${w}) % ${r} == h % ${r} && (k % ${w}) % ${r} == h % ${r}`;
}
