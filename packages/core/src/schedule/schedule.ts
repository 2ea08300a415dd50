/**
 * Ints of one task in a packed list, in this order:
 *
 * | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 |
 * | --- | --- | --- | --- | --- | --- | --- | --- |
 * | rowStart | rowCount | rowStride | keyStart | keyCount | keyStride | operand | flags |
 */
export const TASK_INTS = 8;
/** Bounds, mask and non-finite values are looked at pair by pair; without it every pair is visible. */
export const PARTIAL = 1;
/** The last task of its rows. */
export const FINISH = 2;

/** Query rows (positions x stacked heads) of one block at most: `SACCADE_ROWS` of the kernels. */
export const BLOCK_ROWS = 576;

/** The tasks of one (batch element, key head). */
export interface TaskList {
  /** Packed tasks, `TASK_INTS` ints each; the tasks of a block of rows are adjacent, in ascending key order, the last has `FINISH`. */
  readonly tasks: Int32Array;
  /** First task of every block of rows, then the number of tasks: blocks + 1 ints. */
  readonly blocks: Int32Array;
}

/** Which rows meet which keys. Shared lists stand once. */
export interface Schedule {
  readonly lists: readonly TaskList[];
  /** Index into `lists` for (b, g) at b * G + g. */
  readonly listOf: Int32Array;
  /** Query positions of a block. Heads of a group are stacked: a block has positions x stacked heads <= BLOCK_ROWS rows. */
  readonly blockPositions: number;
  /** Pairs (query row, key) that the tasks cover, over all batch elements and query heads. */
  readonly visitedPairs: number;
}
