import { stackedHeads } from "../schedule/band-schedule.ts";
import { TASK_INTS, type Schedule, type TaskList } from "../schedule/schedule.ts";
import type { AttentionShape } from "../shape.ts";

/**
 * Ints of one unit in a packed list, in the order of `Unit` in job.h:
 *
 * | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 |
 * | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
 * | batch | head | heads | kvHead | firstTask | taskCount | keyLo | keyHi | part | parts | slot | join |
 */
export const UNIT_INTS = 12;

/** Query rows (positions x stacked heads) up to which units are split over their keys. */
const SPLIT_ROWS = 16;
/** Keys that a part of a split unit has at least. */
const SPLIT_KEYS = 1024;
/** Parts begin at multiples of the kernels' tile of keys. */
const PART_ALIGNMENT = 128;
/** Parts that a unit is split into at most. */
const MAX_PARTS = 32;
/** Parts that a unit of much work is split into at most. */
const MOST_PARTS = 256;
/** Work of a part, in floating-point operations, that is not to be exceeded by much: then a thread can look up every few milliseconds. */
const PART_FLOPS = 48e6;
/** Units that a split aims at: enough for every core to find work until the end. */
const SPLIT_UNITS = 64;

/** What threads take from, one unit at a time. It depends on shape and schedule only, never on threads. */
export interface UnitPlan {
  /** The tasks of all lists, `TASK_INTS` ints each; units name them by index. */
  readonly tasks: Int32Array;
  /** Heavy units first, the parts of a split unit adjacent; `UNIT_INTS` ints each. */
  readonly units: Int32Array;
  readonly unitCount: number;
  /** Rows (positions x stacked heads) of the largest unit. */
  readonly rows: number;
  /** Slots for the results of parts; 0 when nothing is split. */
  readonly slots: number;
  /** Arrival counters, one for every unit that is split. */
  readonly joins: number;
}

const plans = new WeakMap<Schedule, UnitPlan>();

/** Cuts a schedule into units. A schedule belongs to one shape, so its plan is made once. */
export function planUnits(shape: AttentionShape, schedule: Schedule): UnitPlan {
  let plan = plans.get(schedule);
  if (plan === undefined) {
    plan = makePlan(shape, schedule);
    plans.set(schedule, plan);
  }
  return plan;
}

function makePlan(shape: AttentionShape, schedule: Schedule): UnitPlan {
  const { batch, heads, kvHeads } = shape;
  const group = heads / kvHeads;
  const stack = stackedHeads(heads, kvHeads);
  const stacks = Math.ceil(group / stack);
  const lists = schedule.lists.map((list) => orderedBlocks(list));
  const rows = Math.min(shape.queries, schedule.blockPositions) * stack;
  const few = shape.queries * stack <= SPLIT_ROWS;
  const forCores = Math.min(MAX_PARTS, Math.ceil(SPLIT_UNITS / (batch * kvHeads * stacks)));
  const flops = 2 * rows * shape.keys * (shape.headDim + shape.valueDim);
  const wanted = few ? Math.max(forCores, Math.min(MOST_PARTS, Math.ceil(flops / PART_FLOPS))) : 1;

  // Lists with most work first; inside a head its blocks in falling order, so that the last units taken are small ones
  // while a head's keys stay in the cache.
  const order = Array.from(schedule.listOf, (_, index) => index);
  if (lists.length > 1) {
    order.sort((x, y) => lists[schedule.listOf[y]!]!.work - lists[schedule.listOf[x]!]!.work || x - y);
  }

  const firstTask: number[] = [];
  let taskCount = 0;
  for (const list of schedule.lists) {
    firstTask.push(taskCount);
    taskCount += list.tasks.length / TASK_INTS;
  }

  let capacity = 0;
  for (const index of schedule.listOf) capacity += lists[index]!.blocks.length * stacks * wanted;
  const units = new Int32Array(capacity * UNIT_INTS);
  let count = 0;
  let slots = 0;
  let joins = 0;
  for (const index of order) {
    const b = Math.floor(index / kvHeads);
    const g = index % kvHeads;
    const list = schedule.listOf[index]!;
    const { tasks, blocks } = schedule.lists[list]!;
    for (let s = 0; s < stacks; s++) {
      const head = g * group + s * stack;
      const stacked = Math.min(stack, group - s * stack);
      for (const block of lists[list]!.blocks) {
        const from = blocks[block]!;
        const to = blocks[block + 1]!;
        // Tasks of a block stand in ascending key order.
        const keyLo = tasks[from * TASK_INTS + 3]!;
        const keyHi = lastKey(tasks, to - 1);
        const range = keyHi - keyLo;
        const share = range / Math.max(1, Math.min(wanted, Math.floor(range / SPLIT_KEYS)));
        const width = Math.ceil(share / PART_ALIGNMENT) * PART_ALIGNMENT;
        const parts = range === 0 ? 1 : Math.ceil(range / width);
        for (let part = 0; part < parts; part++) {
          const lo = keyLo + part * width;
          const hi = Math.min(keyHi, lo + width);
          let at = count++ * UNIT_INTS;
          units[at++] = b;
          units[at++] = head;
          units[at++] = stacked;
          units[at++] = g;
          units[at++] = firstTask[list]! + from;
          units[at++] = to - from;
          units[at++] = lo;
          units[at++] = hi;
          units[at++] = part;
          units[at++] = parts;
          units[at++] = parts > 1 ? slots + part : 0;
          units[at++] = joins;
        }
        if (parts > 1) {
          slots += parts;
          joins++;
        }
      }
    }
  }
  return {
    tasks: joinedTasks(schedule.lists, taskCount),
    units: units.subarray(0, count * UNIT_INTS),
    unitCount: count,
    rows,
    slots,
    joins,
  };
}

function lastKey(tasks: Int32Array, task: number): number {
  const at = task * TASK_INTS;
  const keyCount = tasks[at + 4]!;
  return keyCount === 0 ? tasks[at + 3]! : tasks[at + 3]! + (keyCount - 1) * tasks[at + 5]! + 1;
}

/** Blocks of a list, those with most pairs first, and the pairs of all of them. */
function orderedBlocks(list: TaskList): { blocks: number[]; work: number } {
  const blocks: number[] = [];
  const pairs: number[] = [];
  let work = 0;
  let sorted = true;
  for (let block = 0; block + 1 < list.blocks.length; block++) {
    let sum = 0;
    for (let task = list.blocks[block]!; task < list.blocks[block + 1]!; task++) {
      sum += list.tasks[task * TASK_INTS + 1]! * list.tasks[task * TASK_INTS + 4]!;
    }
    if (block > 0 && sum > pairs[block - 1]!) sorted = false;
    blocks.push(block);
    pairs.push(sum);
    work += sum;
  }
  if (!sorted) blocks.sort((a, b) => pairs[b]! - pairs[a]! || a - b);
  return { blocks, work };
}

function joinedTasks(lists: readonly TaskList[], taskCount: number): Int32Array {
  if (lists.length === 1) return lists[0]!.tasks;
  const tasks = new Int32Array(taskCount * TASK_INTS);
  let at = 0;
  for (const list of lists) {
    tasks.set(list.tasks, at);
    at += list.tasks.length;
  }
  return tasks;
}
