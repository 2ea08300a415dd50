import type { Candidate, CandidatePlan, CandidateShape } from "../catalogue/candidate.ts";

/** Tokens up to which pairs are counted; beyond, as many of the visited ones are visible as there. */
const COUNTED = 32_768;
/** The same for variants whose lists a plan makes up, which takes long. */
const COUNTED_OF_PROMPT = 4096;

/** Visible pairs of a call and its plan, in milliseconds also for calls of a million tokens. */
export function pairsAndPlan(
  candidate: Candidate,
  shape: CandidateShape,
): { readonly pairs: number; readonly plan: CandidatePlan } {
  const { queries, keys = queries } = shape;
  const most = candidate.selection === "prompt" ? COUNTED_OF_PROMPT : COUNTED;
  if (keys <= most || queries < keys) {
    const plan = candidate.plan(shape);
    return { pairs: plan.visiblePairs ?? 0, plan };
  }
  const part = candidate.plan({ ...shape, queries: most, keys: most });
  if (candidate.selection === "prompt") return scaledUp(part, queries / most);
  const plan = candidate.plan(shape);
  const [visible = 0, visited = 1] = [part.visiblePairs, part.visitedPairs];
  return { pairs: ((plan.visitedPairs ?? 0) * visible) / visited, plan };
}

/** Columns and diagonals are as many whatever the length: all grows with the rows. */
function scaledUp(part: CandidatePlan, times: number): { readonly pairs: number; readonly plan: CandidatePlan } {
  const pairs = (part.visiblePairs ?? 0) * times;
  return {
    pairs,
    plan: {
      flops: part.flops * times,
      selectingFlops: part.selectingFlops * times,
      bytesRead: part.bytesRead * times,
      workspaceBytes: part.workspaceBytes * times,
      cacheBytes: part.cacheBytes * times,
      visitedPairs: (part.visitedPairs ?? 0) * times,
      visiblePairs: pairs,
      exact: false,
    },
  };
}
