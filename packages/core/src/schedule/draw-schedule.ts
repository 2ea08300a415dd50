import { describe } from "../tensor.ts";
import { PARTIAL, type Schedule, TASK_INTS, taskKey, taskKeyEnd, taskRow } from "./schedule.ts";

export interface DrawScheduleOptions {
  /** Index into `schedule.lists`. Default 0. */
  readonly list?: number | undefined;
  /** M. Default: where the last task ends. */
  readonly keys?: number | undefined;
  /** Lines and columns at most; a character then stands for several blocks of queries or tiles of keys. Default 32 and 64. */
  readonly lines?: number | undefined;
  readonly columns?: number | undefined;
}

/** Keys of a column at least: the kernels' tile. */
const TILE_KEYS = 128;

/**
 * A drawing of one list: a line for a block of queries, a character for a tile of keys, `#` where all pairs are visited and known to be
 * visible, `.` where none is visited, `+` for anything between.
 *
 * ```text
 *        0                              each line 576 queries, each column 128 keys
 *     0  ####+
 *   576  .........+
 * ```
 */
export function drawSchedule(schedule: Schedule, options: DrawScheduleOptions = {}): string {
  const { list: index = 0, lines: mostLines = 32, columns: mostColumns = 64 } = options;
  const list = schedule.lists[index];
  if (list === undefined) {
    throw new RangeError(
      `drawSchedule: list is ${describe(index)}, expected an integer below ${schedule.lists.length}`,
    );
  }
  const { tasks, blocks } = list;
  const { indices } = schedule;
  let queries = 0;
  let keys = options.keys ?? 0;
  for (let at = 0; at < tasks.length; at += TASK_INTS) {
    queries = Math.max(queries, taskRow(tasks, at, tasks[at + 1]! - 1, indices) + 1);
    if (options.keys === undefined) keys = Math.max(keys, taskKeyEnd(tasks, at, indices));
  }
  const blockCount = blocks.length - 1;
  const lineRows = schedule.blockPositions * Math.max(1, Math.ceil(blockCount / mostLines));
  const columnKeys = TILE_KEYS * Math.max(1, Math.ceil(keys / TILE_KEYS / mostColumns));
  const lines = Math.ceil(queries / lineRows);
  const columns = Math.ceil(keys / columnKeys);
  const visited = new Float64Array(lines * columns);
  const full = new Float64Array(lines * columns);
  for (let at = 0; at < tasks.length; at += TASK_INTS) {
    const rowsOf = countsOf(tasks[at + 1]!, lineRows, lines, (i) => taskRow(tasks, at, i, indices));
    const keysOf = countsOf(tasks[at + 4]!, columnKeys, columns, (j) => taskKey(tasks, at, j, indices));
    for (const [line, rows] of rowsOf) {
      for (const [column, count] of keysOf) {
        visited[line * columns + column]! += rows * count;
        if ((tasks[at + 7]! & PARTIAL) === 0) full[line * columns + column]! += rows * count;
      }
    }
  }
  const width = String((lines - 1) * lineRows).length + 1;
  const drawing = [`each line ${lineRows} queries, each column ${columnKeys} keys; # full, + partial, . skipped`];
  for (let line = 0; line < lines; line++) {
    const rows = Math.min(lineRows, queries - line * lineRows);
    let text = `${String(line * lineRows).padStart(width)}  `;
    for (let column = 0; column < columns; column++) {
      const pairs = rows * Math.min(columnKeys, keys - column * columnKeys);
      const cell = line * columns + column;
      text += full[cell] === pairs ? "#" : visited[cell] === 0 ? "." : "+";
    }
    drawing.push(text);
  }
  return drawing.join("\n");
}

/** How many of a task's ascending rows or keys stand in every line or column that has any. */
function countsOf(count: number, size: number, cells: number, placeOf: (i: number) => number): [number, number][] {
  const counts: [number, number][] = [];
  let from = 0;
  while (from < count) {
    const cell = Math.floor(placeOf(from) / size);
    if (cell >= cells) break;
    // The first one beyond the cell, by bisection: a task may have millions of keys.
    let low = from + 1;
    let high = count;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (placeOf(middle) < (cell + 1) * size) low = middle + 1;
      else high = middle;
    }
    counts.push([cell, low - from]);
    from = low;
  }
  return counts;
}
