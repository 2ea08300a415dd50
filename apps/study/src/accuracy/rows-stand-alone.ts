import type { Candidate } from "@saccade/advisor";

const ANY_SHAPE = { heads: 1, queries: 64, headDim: 64 };

/**
 * Whether a candidate's output row depends on its own query and the keys up to it alone, so that a row can be had without those before it.
 * Not so for recurrences, for keys chosen by blocks of queries, and for patterns read off the whole prompt.
 */
export function rowsStandAlone(candidate: Candidate): boolean {
  if (candidate.selection === "query-block" || candidate.selection === "prompt") return false;
  return candidate.refuses(ANY_SHAPE) === undefined && candidate.plan(ANY_SHAPE).visitedPairs !== undefined;
}
