import type { Candidate, CandidateShape } from "../catalogue/candidate.ts";
import { OptionValues } from "../catalogue/option-values.ts";
import { entryNamed, filledIn } from "../catalogue/parse-variant.ts";
import { pairsAndPlan } from "./pairs.ts";
import { scriptWorkOf } from "./script-work.ts";

/** A call's sizes with defaults filled in. */
export interface CallSizes {
  /** B */
  readonly batch: number;
  /** H */
  readonly heads: number;
  /** G */
  readonly kvHeads: number;
  /** N */
  readonly tokens: number;
  /** M */
  readonly keys: number;
  /** D */
  readonly headDim: number;
  /** E */
  readonly valueDim: number;
}

/** What a call has to do, in units whose times a machine is measured for. */
export interface Work {
  /** Rows of softmax attention, as often as they are begun: B H N, more where branches are joined. */
  readonly rows: number;
  /** Visible pairs of softmax attention. */
  readonly pairs: number;
  /** Scores that selecting computes, times 2 D: operations of the kernels beside attending. */
  readonly selectingFlops: number;
  /** Operations of recurrences. */
  readonly recurrenceFlops: number;
  /**
   * Work of the variant's own on the calling thread (lists of choices, feature maps, joining branches), in nanoseconds of the machine that
   * the formulas were made on. Its share does not shrink with threads.
   */
  readonly scriptNs: number;
}

export function sizesOf(shape: CandidateShape): CallSizes {
  const { batch = 1, heads, kvHeads = heads, queries, keys = queries, headDim, valueDim = headDim } = shape;
  return { batch, heads, kvHeads, tokens: queries, keys, headDim, valueDim };
}

/** The work of a call. */
export function workOf(candidate: Candidate, shape: CandidateShape): Work {
  const sizes = sizesOf(shape);
  const entry = entryNamed(candidate.spec.variant);
  const given = new OptionValues(filledIn(entry, candidate.spec));
  const script = scriptWorkOf(entry.name, given, sizes);
  const rows = sizes.batch * sizes.heads * sizes.tokens;
  if (entry.kind === "recurrence") {
    const plan = candidate.plan(shape);
    // Windows beside a state are softmax attention.
    const pairs = script.windowPairs ?? 0;
    const attending = 2 * (sizes.headDim + sizes.valueDim) * pairs;
    return {
      ...{ rows: pairs > 0 ? rows : 0, pairs, selectingFlops: 0 },
      recurrenceFlops: Math.max(0, plan.flops - attending),
      scriptNs: script.ns,
    };
  }
  const { pairs, plan } = pairsAndPlan(candidate, shape);
  return {
    rows: rows * (script.branches ?? 1),
    pairs,
    selectingFlops: plan.selectingFlops,
    recurrenceFlops: 0,
    scriptNs: script.ns,
  };
}
