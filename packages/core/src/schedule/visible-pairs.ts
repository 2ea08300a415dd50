import { evaluator } from "../expression/evaluate.ts";
import { rootOf, type Mask } from "../expression/expression.ts";
import { OVER_H } from "../expression/node.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import { reachEnd, reachStart, type Reach } from "./reach.ts";
import {
  MASKED,
  PARTIAL,
  type Schedule,
  stacksPerGroup,
  TASK_INTS,
  taskKey,
  type TaskList,
  taskRow,
} from "./schedule.ts";

/**
 * Pairs (query, key) that are visible, over all batch elements and query heads: those of full tasks, those within reach in partial ones,
 * and where a mask decides, those that it shows. Time follows the pairs of masked tasks and the rows of the others.
 */
export function visiblePairs(
  schedule: Schedule,
  { batch, heads, kvHeads }: Pick<AttentionShape, "batch" | "heads" | "kvHeads">,
  at: Positions,
): number {
  const { lists, listOf, stack, masked } = schedule;
  if (batch * heads === 0) return 0;
  const group = heads / kvHeads;
  const stacks = stacksPerGroup(heads, kvHeads, stack);
  const apart = masked !== undefined && (rootOf(masked).over & OVER_H) !== 0;
  const counted = new Map<number, number>();
  let pairs = 0;
  for (let index = 0; index < listOf.length; index++) {
    const list = listOf[index]!;
    const head = Math.floor(index / stacks);
    const first = (index % stacks) * stack;
    const count = Math.min(stack, group - first);
    const b = Math.floor(head / kvHeads);
    const place = { offset: at.queryOffset[b]!, keys: at.keyLength[b]!, b };
    const h0 = (head % kvHeads) * group + first;
    if (apart) {
      for (let h = h0; h < h0 + count; h++) pairs += pairsOfList(lists[list]!, schedule, { ...place, h });
      continue;
    }
    // A list belongs to what looks the same for all of its heads.
    let each = counted.get(list);
    if (each === undefined) {
      each = pairsOfList(lists[list]!, schedule, { ...place, h: h0 });
      counted.set(list, each);
    }
    pairs += count * each;
  }
  return pairs;
}

/** Where the rows of a list stand. */
interface Place {
  readonly offset: number;
  readonly keys: number;
  readonly b: number;
  readonly h: number;
}

function pairsOfList({ tasks }: TaskList, schedule: Schedule, place: Place): number {
  const { masked, reaches, indices } = schedule;
  let pairs = 0;
  for (let at = 0; at < tasks.length; at += TASK_INTS) {
    const [rows, keys, flags] = [tasks[at + 1]!, tasks[at + 4]!, tasks[at + 7]!];
    if ((flags & PARTIAL) === 0) {
      pairs += rows * keys;
      continue;
    }
    const mask = (flags & MASKED) === 0 ? undefined : masked;
    const reach = reaches[tasks[at + 11]!]!;
    for (let i = 0; i < rows; i++) {
      const q = taskRow(tasks, at, i, indices) + place.offset;
      const [from, to] = visibleRange({ tasks, at, indices }, reach, q, place.keys);
      pairs += mask === undefined ? to - from : shownPairs(mask, { tasks, at, indices }, from, to, { ...place, q });
    }
  }
  return pairs;
}

interface Task {
  readonly tasks: Int32Array;
  readonly at: number;
  readonly indices: Int32Array;
}

/** The keys of a task, from one number to before another, that a position reaches. */
function visibleRange(task: Task, reach: Reach, q: number, keys: number): [from: number, to: number] {
  const from = firstFrom(task, reachStart(reach, q));
  return [from, Math.max(from, firstFrom(task, Math.min(keys, reachEnd(reach, q))))];
}

/** The number of the first key of a task that is at least `key`. */
function firstFrom({ tasks, at, indices }: Task, key: number): number {
  let [low, high] = [0, tasks[at + 4]!];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (taskKey(tasks, at, middle, indices) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function shownPairs(
  mask: Mask,
  { tasks, at, indices }: Task,
  from: number,
  to: number,
  { q, b, h }: { readonly q: number; readonly b: number; readonly h: number },
): number {
  const evaluate = evaluator(rootOf(mask));
  const pair = { q, k: 0, b, h, s: 0 };
  let shown = 0;
  for (let j = from; j < to; j++) {
    pair.k = taskKey(tasks, at, j, indices);
    if (evaluate(pair) === 1) shown++;
  }
  return shown;
}
