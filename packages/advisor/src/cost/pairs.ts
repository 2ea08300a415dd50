import type { Candidate, CandidatePlan, CandidateShape } from "../catalogue/candidate.ts";

/** Tokens up to which pairs are counted; beyond, as many of the visited ones are visible as there. */
const COUNTED = 8192;
/** The same for variants whose lists a plan makes up, which takes long. */
const COUNTED_OF_PROMPT = 4096;

/** Visible pairs of a call and its plan, in milliseconds also for calls of a million tokens. */
export function pairsAndPlan(
  candidate: Candidate,
  shape: CandidateShape,
): { readonly pairs: number; readonly plan: CandidatePlan } {
  const plan = planFor(candidate, shape);
  const { queries, keys = queries } = shape;
  if (candidate.selection === "prompt" || keys <= COUNTED || queries < keys) {
    return { pairs: plan.visiblePairs ?? 0, plan };
  }
  const part = candidate.plan({ ...shape, queries: COUNTED, keys: COUNTED });
  const [visible = 0, visited = 1] = [part.visiblePairs, part.visitedPairs];
  return { pairs: ((plan.visitedPairs ?? 0) * visible) / visited, plan };
}

/** A candidate's plan, by that of a shorter prompt where planning itself takes long. */
export function planFor(candidate: Candidate, shape: CandidateShape): CandidatePlan {
  const { queries, keys = queries } = shape;
  if (candidate.selection !== "prompt" || keys <= COUNTED_OF_PROMPT || queries < keys) return candidate.plan(shape);
  const part = candidate.plan({ ...shape, queries: COUNTED_OF_PROMPT, keys: COUNTED_OF_PROMPT });
  return scaledUp(part, queries / COUNTED_OF_PROMPT);
}

/** Columns and diagonals are as many whatever the length: all grows with the rows. */
function scaledUp(part: CandidatePlan, times: number): CandidatePlan {
  return {
    flops: part.flops * times,
    selectingFlops: part.selectingFlops * times,
    bytesRead: part.bytesRead * times,
    workspaceBytes: part.workspaceBytes * times,
    cacheBytes: part.cacheBytes * times,
    visitedPairs: (part.visitedPairs ?? 0) * times,
    visiblePairs: (part.visiblePairs ?? 0) * times,
    exact: false,
  };
}
