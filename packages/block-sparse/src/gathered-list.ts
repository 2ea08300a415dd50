import { FINISH, TASK_INTS, taskRow, TaskWriter, type CountedList, type TaskList } from "@saccade/core/variants";

/**
 * The tasks of a list in blocks of `positions` queries each, whatever blocks they stood in: every task names its own rows, cut
 * where a block ends.
 */
export function gatheredList(
  { tasks }: TaskList,
  indices: Int32Array,
  queries: number,
  positions: number,
): CountedList {
  // Task, first row and number of rows of every part, by block.
  const parts = Array.from({ length: Math.ceil(queries / positions) }, (): number[] => []);
  for (let at = 0; at < tasks.length; at += TASK_INTS) {
    if (tasks[at + 4] === 0) continue;
    const count = tasks[at + 1]!;
    for (let from = 0; from < count;) {
      const block = Math.floor(taskRow(tasks, at, from, indices) / positions);
      const to = firstRowFrom(tasks, at, (block + 1) * positions, indices);
      parts[block]!.push(at, from, to - from);
      from = to;
    }
  }
  const writer = new TaskWriter();
  for (const [block, those] of parts.entries()) {
    const first = block * positions;
    writer.begin({ start: first, count: Math.min(positions, queries - first) }, true);
    for (let part = 0; part < those.length; part += 3) {
      const [at, from, count] = [those[part]!, those[part + 1]!, those[part + 2]!];
      const [, , rowStride, start, keys, stride, operand, flags, row, rowIndex, index, reach] = tasks.subarray(at);
      const list = rowIndex! < 0 ? -1 : rowIndex! + from;
      writer.put(
        { start: start!, count: keys!, stride, operand, flags: flags! & ~FINISH, row, index, reach },
        { start: taskRow(tasks, at, from, indices), count, stride: rowStride, index: list },
      );
    }
  }
  return writer.list();
}

/** The number of the first row of a task that is at least a query. */
function firstRowFrom(tasks: Int32Array, at: number, query: number, indices: Int32Array): number {
  let [low, high] = [0, tasks[at + 1]!];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (taskRow(tasks, at, middle, indices) < query) low = middle + 1;
    else high = middle;
  }
  return low;
}
