import type { Mask } from "../expression/expression.ts";
import type { Reach } from "./reach.ts";

/**
 * Ints of one task in a packed list, in the order of `Task` in job.h:
 *
 * | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 |
 * | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
 * | rowStart | rowCount | rowStride | keyStart | keyCount | keyStride | operand | flags | keyRow | rowIndex | keyIndex | reach |
 *
 * Rows are query indices rowStart + i rowStride, keys are keyStart + j keyStride; or, where `rowIndex` and `keyIndex` are not -1, the
 * ascending lists that begin there in `Schedule.indices`. Key j lies in row j - keyStart + keyRow of k and v. Queries are those of
 * `operand`. `reach` names the bounds of a partial task.
 */
export const TASK_INTS = 12;
/** Bounds, mask and non-finite values are looked at pair by pair; without it every pair is visible. */
export const PARTIAL = 1;
/** The last task of its rows. */
export const FINISH = 2;
/** With PARTIAL: the schedule's mask decides as well. */
export const MASKED = 4;

/** Query rows (positions x stacked heads) of one block at most: `SACCADE_ROWS` of the kernels. */
export const BLOCK_ROWS = 576;
/** Query rows of a gathered block: their running states, about 2 MB at E = 64, are what a thread keeps of it. */
export const GATHERED_ROWS = 8192;

/** The tasks of some query heads of one (batch element, key head). */
export interface TaskList {
  /** Packed tasks, `TASK_INTS` ints each; the tasks of a block of rows are adjacent, in ascending key order, the last has `FINISH`. */
  readonly tasks: Int32Array;
  /** First task of every block of rows, then the number of tasks: blocks + 1 ints. All lists of a schedule have the same blocks. */
  readonly blocks: Int32Array;
}

/** Which rows meet which keys. Shared lists stand once. */
export interface Schedule {
  readonly lists: readonly TaskList[];
  /** Query heads of one key head whose rows stand in one unit; they share a list. */
  readonly stack: number;
  /** Index into `lists` for stack j of (b, g), at (b * G + g) * ceil(H / G / stack) + j. */
  readonly listOf: Int32Array;
  /** Query positions of a block. A block has positions x stacked heads <= BLOCK_ROWS rows. */
  readonly blockPositions: number;
  /** Pairs (query row, key) that the tasks cover, over all batch elements and query heads. */
  readonly visitedPairs: number;
  /** Bounds of partial tasks. */
  readonly reaches: readonly Reach[];
  /** What decides in MASKED tasks, beside their reach. */
  readonly masked: Mask | undefined;
  /** Row and key indices that tasks name. */
  readonly indices: Int32Array;
  /**
   * The first task of every block has no keys and names the block's rows, one after the other; the others name those of them that meet
   * their keys. A block may have more than BLOCK_ROWS rows then, GATHERED_ROWS at most. Default: the tasks of a block have its rows.
   */
  readonly gathered?: boolean | undefined;
}

/** Of schedules whose tasks name none. */
export const NO_INDICES: Int32Array = /* @__PURE__ */ new Int32Array(0);

/** Stacks of query heads that read one key head. */
export function stacksPerGroup(heads: number, kvHeads: number, stack: number): number {
  return Math.ceil(heads / kvHeads / stack);
}

/**
 * Writes a task of neighbouring rows and neighbouring keys, which lie in the rows of their number; reach and operand are the first. Number
 * by number, since `set` from a list takes ten times as long, and schedules of blocks have 100 000 tasks.
 */
export function putTask(
  tasks: Int32Array,
  at: number,
  row: number,
  rows: number,
  key: number,
  keys: number,
  flags: number,
): void {
  tasks[at] = row;
  tasks[at + 1] = rows;
  tasks[at + 2] = 1;
  tasks[at + 3] = key;
  tasks[at + 4] = keys;
  tasks[at + 5] = 1;
  tasks[at + 6] = 0;
  tasks[at + 7] = flags;
  tasks[at + 8] = key;
  tasks[at + 9] = -1;
  tasks[at + 10] = -1;
  tasks[at + 11] = 0;
}

/** Key j of the task at an index into a packed list. */
export function taskKey(tasks: Int32Array, at: number, j: number, indices: Int32Array): number {
  const keyIndex = tasks[at + 10]!;
  return keyIndex < 0 ? tasks[at + 3]! + j * tasks[at + 5]! : indices[keyIndex + j]!;
}

/** One past the last key of the task at an index into a packed list. */
export function taskKeyEnd(tasks: Int32Array, at: number, indices: Int32Array): number {
  const count = tasks[at + 4]!;
  return count === 0 ? tasks[at + 3]! : 1 + taskKey(tasks, at, count - 1, indices);
}

/** Row i of the task at an index into a packed list. */
export function taskRow(tasks: Int32Array, at: number, i: number, indices: Int32Array): number {
  const rowIndex = tasks[at + 9]!;
  return rowIndex < 0 ? tasks[at]! + i * tasks[at + 2]! : indices[rowIndex + i]!;
}
