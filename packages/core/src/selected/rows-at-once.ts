/** Scores that exist at a time while queries select, where those of one query are not more. */
export const SCORE_FLOATS: number = 2 ** 21;

/** Queries that are scored at a time. Bits do not depend on it: scores have one order of summation. */
export function rowsAtOnce(scoresOfQuery: number): number {
  return Math.max(1, Math.floor(SCORE_FLOATS / Math.max(1, scoresOfQuery)));
}
