import type { Candidate, CandidatePlan } from "../catalogue/candidate.ts";
import type { Calibration } from "./calibration.ts";
import { workOf, type CallSizes } from "./work.ts";

/** What collectors of garbage let lie around before they run, as measured over calls of 8192 to 24576 tokens on Node 24. */
const LYING_AROUND = { rows: 50_000, perRow: 400, most: 64e6, script: 16e6 } as const;

/**
 * Bytes that plans do not count, since they are no workspace of the kernels: results that are computed beside their place and copied
 * there, and arrays that are no longer needed and not yet freed.
 */
export function otherBytes(
  candidate: Candidate,
  plan: CandidatePlan,
  sizes: CallSizes,
  phase: "prefill" | "decode" | "both",
  { runtime }: Pick<Calibration, "runtime">,
): number {
  if (phase === "decode") return 0;
  const { batch, heads, kvHeads, tokens, headDim, valueDim } = sizes;
  const outputBytes = 4 * batch * heads * tokens * valueDim;
  const rows = batch * heads * tokens;
  if (candidate.selection !== "static") {
    const lists = Math.min(LYING_AROUND.most, LYING_AROUND.perRow * Math.max(0, rows - LYING_AROUND.rows));
    // Before a cache is made, what the prompt's parts came to has been freed, or has not: the same program was seen to do either.
    return lists + (phase === "both" ? outputBytes / 2 : 0);
  }
  const { scriptNs, recurrenceFlops } = workOf(candidate, { ...sizes, queries: tokens });
  if (recurrenceFlops > 0) {
    // Without a map in front of it, a recurrence is one job, whose result the addon stages.
    if (scriptNs > 0) return LYING_AROUND.script;
    return runtime === "native" ? outputBytes : 0;
  }
  // A cache that keeps the last tokens only takes a prompt in parts, beside the output.
  const all = 4 * batch * kvHeads * tokens * (headDim + valueDim);
  return phase === "both" && plan.cacheBytes < all ? outputBytes : 0;
}
