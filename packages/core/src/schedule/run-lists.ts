import type { AttentionShape } from "../shape.ts";
import { FINISH, putTask, type Schedule, stacksPerGroup, TASK_INTS, type TaskList } from "./schedule.ts";

/** Query heads whose rows stand in one unit, with their batch element. */
export interface Stack {
  readonly b: number;
  /** First and last head. */
  readonly h0: number;
  readonly h1: number;
}

/** A list with the pairs of one query head that its tasks cover. */
export type CountedList = TaskList & { readonly pairs: number };

/**
 * Lists for every stack of heads.
 *
 * @param stack heads of a stack.
 * @param keyOf stacks with the same key share a list.
 */
export function stackedLists(
  { batch, heads, kvHeads }: AttentionShape,
  stack: number,
  keyOf: (of: Stack) => string,
  make: (of: Stack) => CountedList,
): Pick<Schedule, "lists" | "listOf" | "stack" | "visitedPairs"> {
  const group = heads / kvHeads;
  const stacks = stacksPerGroup(heads, kvHeads, stack);
  const listOf = new Int32Array(batch * kvHeads * stacks);
  const lists: CountedList[] = [];
  const known = new Map<string, number>();
  let visitedPairs = 0;
  for (let index = 0; index < listOf.length; index++) {
    const head = Math.floor(index / stacks);
    const first = (index % stacks) * stack;
    const h0 = (head % kvHeads) * group + first;
    const of = { b: Math.floor(head / kvHeads), h0, h1: h0 + Math.min(stack, group - first) - 1 };
    const key = keyOf(of);
    let list = known.get(key);
    if (list === undefined) {
      list = lists.push(make(of)) - 1;
      known.set(key, list);
    }
    listOf[index] = list;
    visitedPairs += lists[list]!.pairs * (of.h1 - h0 + 1);
  }
  return { lists, listOf, stack, visitedPairs };
}

/**
 * Blocks of equal numbers of query positions, each with runs of keys: begin, end and flags of every run, in ascending order.
 *
 * @param runsOf the runs of the queries row..row + rows - 1; looked at before it is called again.
 */
export function listOfRuns(
  queries: number,
  positions: number,
  runsOf: (row: number, rows: number) => readonly number[],
): CountedList {
  const blockCount = Math.ceil(queries / positions);
  const blocks = new Int32Array(blockCount + 1);
  let tasks = new Int32Array(blockCount * 4 * TASK_INTS);
  let at = 0;
  let pairs = 0;
  for (let block = 0; block < blockCount; block++) {
    const row = block * positions;
    const rows = Math.min(positions, queries - row);
    const found = runsOf(row, rows);
    // Rows without keys still have to be written.
    const runs = found.length === 0 ? [0, 0, 0] : found;
    blocks[block] = at / TASK_INTS;
    const end = at + (runs.length / 3) * TASK_INTS;
    if (end > tasks.length) {
      const grown = new Int32Array(Math.max(end, 2 * tasks.length));
      grown.set(tasks.subarray(0, at));
      tasks = grown;
    }
    for (let run = 0; run < runs.length; run += 3, at += TASK_INTS) {
      const from = runs[run]!;
      const count = runs[run + 1]! - from;
      putTask(tasks, at, row, rows, from, count, runs[run + 2]!);
      pairs += rows * count;
    }
    tasks[at - 5]! |= FINISH;
  }
  blocks[blockCount] = at / TASK_INTS;
  return { tasks: tasks.slice(0, at), blocks, pairs };
}
