import { FINISH, type Schedule, TASK_INTS, taskKey, type TaskList } from "./schedule.ts";

/**
 * A schedule by keys: for every block of keys the tasks that meet it, with their rows in ascending order. What gathers the queries of a
 * key block needs it, and so do gradients of keys and values.
 *
 * ```text
 *   rows -> keys             keys -> rows
 *   block 0  ##..            keys 0..  blocks 0, 1, 2
 *   block 1  .##.            keys C..  blocks 0, 1
 *   block 2  #.##            ...
 * ```
 *
 * @param blockKeys keys of a block; tasks are cut where one ends.
 * @returns lists as the schedule has them; `blocks` counts by key blocks, and no task finishes its rows.
 */
export function transposeSchedule(
  { lists, indices }: Pick<Schedule, "lists" | "indices">,
  blockKeys: number,
): TaskList[] {
  if (!Number.isInteger(blockKeys) || blockKeys < 1) {
    throw new RangeError(`transposeSchedule: blockKeys is ${blockKeys}, expected a positive integer`);
  }
  return lists.map((list) => transposed(list, indices, blockKeys));
}

function transposed({ tasks }: TaskList, indices: Int32Array, blockKeys: number): TaskList {
  const pieces: { readonly block: number; readonly task: number[] }[] = [];
  for (let at = 0; at < tasks.length; at += TASK_INTS) {
    const count = tasks[at + 4]!;
    for (let j = 0; j < count;) {
      const key = taskKey(tasks, at, j, indices);
      const block = Math.floor(key / blockKeys);
      let end = j + 1;
      while (end < count && taskKey(tasks, at, end, indices) < (block + 1) * blockKeys) end++;
      pieces.push({ block, task: piece(tasks.subarray(at, at + TASK_INTS), key, j, end - j) });
      j = end;
    }
  }
  // Tasks stand in ascending order of rows already, and sorting keeps them in it.
  pieces.sort((a, b) => a.block - b.block);
  const blockCount = pieces.length === 0 ? 0 : pieces.at(-1)!.block + 1;
  const blocks = new Int32Array(blockCount + 1);
  for (const { block } of pieces) blocks[block + 1]!++;
  for (let block = 0; block < blockCount; block++) blocks[block + 1]! += blocks[block]!;
  return { tasks: Int32Array.from(pieces.flatMap(({ task }) => task)), blocks };
}

/** Keys j to j + count - 1 of a task. */
function piece(task: Int32Array, key: number, j: number, count: number): number[] {
  const result = [...task];
  result[3] = key;
  result[4] = count;
  result[7] = task[7]! & ~FINISH;
  result[8] = task[8]! + key - task[3]!;
  if (task[10]! >= 0) result[10] = task[10]! + j;
  return result;
}
