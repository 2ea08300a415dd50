import type { CountedList } from "../schedule/run-lists.ts";
import { FINISH, stacksPerGroup, TASK_INTS, type Schedule, type TaskList } from "../schedule/schedule.ts";
import { TaskWriter } from "../schedule/task-writer.ts";
import type { AttentionShape } from "../shape.ts";

/** The keys that a variant's queries can ever see again: the first `sinks`, and the last `recent` up to a query's own. */
export interface Retention {
  readonly sinks: number;
  readonly recent: number;
}

/**
 * Where keys lie in a cache that keeps some of them:
 *
 * ```text
 *   key      0 .. sinks - 1      in row key
 *            others              in row sinks + (key - sinks) % ring
 * ```
 */
export interface Placement {
  readonly sinks: number;
  readonly ring: number;
}

export function rowOfKey({ sinks, ring }: Placement, key: number): number {
  return key < sinks ? key : sinks + ((key - sinks) % ring);
}

/** Keys from `key` on, including it, that lie in consecutive rows. */
export function runFrom({ sinks, ring }: Placement, key: number): number {
  return key < sinks ? sinks - key : ring - ((key - sinks) % ring);
}

/**
 * A schedule whose tasks name the rows where their keys lie, cut where these wrap around.
 *
 * @param firstKept keys between the sinks and this one are not there any more; no row sees them.
 */
export function placeKeys(schedule: Schedule, heads: Heads, place: Placement, firstKept: number): Schedule {
  return cutTasks(schedule, heads, (key) => {
    if (key >= place.sinks && key < firstKept) return { row: undefined, keys: firstKept - key };
    return { row: rowOfKey(place, key), keys: runFrom(place, key) };
  });
}

/** A schedule over the keys from `first` on, for tensors that begin with that key. */
export function fromKey(schedule: Schedule, heads: Heads, first: number): Schedule {
  return cutTasks(schedule, heads, (key) =>
    key < first ? { row: undefined, keys: first - key } : { row: key - first, keys: Infinity },
  );
}

/** Keys from one on: the row of the first, undefined where they are left out, and how many follow it in the rows behind. */
type Rows = (key: number) => { readonly row: number | undefined; readonly keys: number };

function cutTasks(schedule: Schedule, { heads, kvHeads }: Heads, rows: Rows): Schedule {
  const lists = schedule.lists.map((list) => cutList(list, rows));
  const { stack, listOf } = schedule;
  const group = heads / kvHeads;
  const stacks = stacksPerGroup(heads, kvHeads, stack);
  let visitedPairs = 0;
  listOf.forEach((list, index) => {
    visitedPairs += lists[list]!.pairs * Math.min(stack, group - (index % stacks) * stack);
  });
  return { ...schedule, lists, visitedPairs };
}

type Heads = Pick<AttentionShape, "heads" | "kvHeads">;

function cutList({ tasks, blocks }: TaskList, rows: Rows): CountedList {
  const writer = new TaskWriter();
  for (let block = 0; block + 1 < blocks.length; block++) {
    for (let task = blocks[block]!; task < blocks[block + 1]!; task++) {
      const [row, count, rowStride, key, keys, stride, operand, flags, , rowIndex, keyIndex, reach] = tasks.subarray(
        task * TASK_INTS,
      ) as unknown as TaskNumbers;
      if (rowIndex >= 0 || keyIndex >= 0) throw new Error("decoder: indexed tasks cannot be moved");
      if (task === blocks[block]) writer.begin({ start: row, count, stride: rowStride });
      for (let j = 0; j < keys;) {
        const start = key + j * stride;
        const run = rows(start);
        const taken = Math.min(keys - j, Math.ceil(run.keys / stride));
        if (run.row !== undefined) {
          writer.put({ start, count: taken, stride, operand, flags: flags & ~FINISH, reach, row: run.row });
        }
        j += taken;
      }
    }
  }
  return writer.list();
}

type TaskNumbers = [
  row: number,
  count: number,
  rowStride: number,
  key: number,
  keys: number,
  stride: number,
  operand: number,
  flags: number,
  keyRow: number,
  rowIndex: number,
  keyIndex: number,
  reach: number,
];
