import type { AttentionShape } from "@saccade/core/variants";

/** Queries up to which gathering does not pay: there are too few rows to stack. */
export const FEW_QUERIES = 16;
/** Rows of a gathered block at most: what the kernels keep the running states of. */
const MOST_ROWS = 8192;
/** Units that a call should have at least, so that every core finds work until the end. */
const WANTED_UNITS = 16;
/** Positions that blocks are not cut below for that. */
const SMALL_BLOCK = 1024;

/** Query positions of a gathered block: many, so that many rows meet a key at once. */
export function gatheredPositions({ batch, heads, queries }: AttentionShape, stack: number): number {
  const wanted = Math.min(
    Math.ceil(WANTED_UNITS / Math.max(1, (batch * heads) / stack)),
    Math.floor(queries / SMALL_BLOCK),
  );
  const blocks = Math.max(Math.ceil((queries * stack) / MOST_ROWS), wanted, 1);
  return Math.max(1, Math.ceil(queries / blocks));
}
