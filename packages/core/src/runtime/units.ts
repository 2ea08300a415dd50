import { stacksPerGroup, TASK_INTS, taskKey, taskKeyEnd, type Schedule, type TaskList } from "../schedule/schedule.ts";
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

/** A block of rows and the parts that its keys are cut into. */
interface BlockCut {
  readonly firstTask: number;
  readonly taskCount: number;
  readonly keyLo: number;
  /** One past the last key of every part. */
  readonly ends: readonly number[];
  readonly pairs: number;
}

/** The blocks of a list, those with most pairs first. */
interface ListCut {
  readonly blocks: readonly BlockCut[];
  readonly pairs: number;
  readonly parts: number;
}

function makePlan(shape: AttentionShape, schedule: Schedule): UnitPlan {
  const { heads, kvHeads } = shape;
  const { listOf, stack } = schedule;
  const group = heads / kvHeads;
  const stacks = kvHeads === 0 ? 0 : stacksPerGroup(heads, kvHeads, stack);
  const rows = Math.min(shape.queries, schedule.blockPositions) * stack;
  const wanted = wantedParts(shape, rows, shape.queries * stack, stacks);

  const cuts: ListCut[] = [];
  let taskCount = 0;
  for (const list of schedule.lists) {
    cuts.push(cutList(list, schedule.indices, taskCount, wanted));
    taskCount += list.tasks.length / TASK_INTS;
  }
  let unitCount = 0;
  for (const list of listOf) unitCount += cuts[list]!.parts;

  const units = new Int32Array(unitCount * UNIT_INTS);
  let at = 0;
  let slots = 0;
  let joins = 0;
  for (const index of ordered(listOf, cuts)) {
    const head = Math.floor(index / stacks);
    const b = Math.floor(head / kvHeads);
    const g = head % kvHeads;
    const first = (index % stacks) * stack;
    for (const block of cuts[listOf[index]!]!.blocks) {
      const parts = block.ends.length;
      for (let part = 0; part < parts; part++) {
        units[at] = b;
        units[at + 1] = g * group + first;
        units[at + 2] = Math.min(stack, group - first);
        units[at + 3] = g;
        units[at + 4] = block.firstTask;
        units[at + 5] = block.taskCount;
        units[at + 6] = part === 0 ? block.keyLo : block.ends[part - 1]!;
        units[at + 7] = block.ends[part]!;
        units[at + 8] = part;
        units[at + 9] = parts;
        units[at + 10] = parts > 1 ? slots + part : 0;
        units[at + 11] = joins;
        at += UNIT_INTS;
      }
      if (parts === 1) continue;
      slots += parts;
      joins++;
    }
  }
  return { tasks: joinedTasks(schedule.lists, taskCount), units, unitCount, rows, slots, joins };
}

/** Parts to cut a block's keys into, where there are enough of them. */
function wantedParts(shape: AttentionShape, blockRows: number, headRows: number, stacks: number): number {
  if (headRows > SPLIT_ROWS) return 1;
  const forCores = Math.min(MAX_PARTS, Math.ceil(SPLIT_UNITS / (shape.batch * shape.kvHeads * stacks)));
  const flops = 2 * blockRows * shape.keys * (shape.headDim + shape.valueDim);
  return Math.max(forCores, Math.min(MOST_PARTS, Math.ceil(flops / PART_FLOPS)));
}

function cutList({ tasks, blocks }: TaskList, indices: Int32Array, firstTask: number, wanted: number): ListCut {
  const cuts: BlockCut[] = [];
  let pairs = 0;
  let parts = 0;
  for (let block = 0; block + 1 < blocks.length; block++) {
    const cut = cutBlock({ tasks, indices }, blocks[block]!, blocks[block + 1]!, firstTask, wanted);
    cuts.push(cut);
    pairs += cut.pairs;
    parts += cut.ends.length;
  }
  if (cuts.length > 1) cuts.sort((a, b) => b.pairs - a.pairs || a.firstTask - b.firstTask);
  return { blocks: cuts, pairs, parts };
}

function cutBlock(
  { tasks, indices }: { readonly tasks: Int32Array; readonly indices: Int32Array },
  from: number,
  to: number,
  firstTask: number,
  wanted: number,
): BlockCut {
  let pairs = 0;
  let keys = 0;
  let keyEnd = 0;
  for (let at = from * TASK_INTS; at < to * TASK_INTS; at += TASK_INTS) {
    pairs += tasks[at + 1]! * tasks[at + 4]!;
    keys += tasks[at + 4]!;
    keyEnd = Math.max(keyEnd, taskKeyEnd(tasks, at, indices));
  }
  const share = keys / Math.max(1, Math.min(wanted, Math.floor(keys / SPLIT_KEYS)));
  const width = Math.ceil(share / PART_ALIGNMENT) * PART_ALIGNMENT;
  // Tasks of a block stand in ascending key order, but for those of gathered blocks, which are not cut.
  const ends: number[] = [];
  let before = 0;
  for (let at = from * TASK_INTS; at < to * TASK_INTS; at += TASK_INTS) {
    const count = tasks[at + 4]!;
    while ((ends.length + 1) * width < before + count) {
      ends.push(taskKey(tasks, at, (ends.length + 1) * width - before, indices));
    }
    before += count;
  }
  ends.push(keyEnd);
  return {
    firstTask: firstTask + from,
    taskCount: to - from,
    keyLo: tasks[from * TASK_INTS + 3]!,
    ends,
    pairs,
  };
}

/**
 * Indices into `listOf`, those with most work first. Inside a head its blocks fall in work, so that the last units taken are small ones
 * while a head's keys stay in the cache.
 */
function ordered(listOf: Int32Array, cuts: readonly ListCut[]): Iterable<number> {
  const order = new Int32Array(listOf.length);
  for (let index = 0; index < order.length; index++) order[index] = index;
  if (cuts.length > 1) order.sort((x, y) => cuts[listOf[y]!]!.pairs - cuts[listOf[x]!]!.pairs || x - y);
  return order;
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
