import { and, mask, or, type Mask } from "@saccade/core";
import {
  TASK_INTS,
  type AttentionShape,
  type CountedList,
  type Reach,
  type Schedule,
  type SoftmaxVariant,
  type TaskList,
} from "@saccade/core/variants";
import { FEW_QUERIES, gatheredPositions } from "./gathered-rows.ts";
import { gatheredList } from "./gathered-list.ts";
import { perHeadTermsMask, type MaskTerms } from "./mask-terms.ts";
import type { Pattern } from "./pattern.ts";

/**
 * The schedules of several patterns as one, in which every head has its pattern's lists. Rows of a group share tiles where all heads of every group
 * have one pattern. Where they do not, or one pattern gathers rows, all lists are cut into the same blocks, whose tasks name the
 * rows that they are about.
 *
 * @param numbers [H] the pattern of every query head.
 */
export function perHeadSchedule(patterns: readonly Pattern[], numbers: Int32Array): SoftmaxVariant["schedule"] {
  return (shape, at, pairTerms): Schedule => {
    const { batch, heads, kvHeads } = shape;
    if (numbers.length !== heads) {
      throw new RangeError(`perHead: entries has ${numbers.length} patterns, the call has H = ${heads}`);
    }
    const group = heads / kvHeads;
    const even = numbers.every((number, h) => number === numbers[h - (h % group)]);
    let made = even ? patterns.map((pattern) => pattern.schedule(shape, at, pairTerms)) : [];
    if (made.length === 0 || made.some(({ stack }) => stack !== made[0]!.stack)) {
      made = patterns.map((pattern) => pattern.schedule({ ...shape, kvHeads: heads }, at, pairTerms));
    }
    const stack = made[0]!.stack;
    const stacks = Math.ceil(group / stack);
    const used = new UsedLists(made);
    const listOf = new Int32Array(batch * kvHeads * stacks);
    let visitedPairs = 0;
    for (let index = 0; index < listOf.length; index++) {
      const first = (index % stacks) * stack;
      const h = (Math.floor(index / stacks) % kvHeads) * group + first;
      listOf[index] = used.add(numbers[h]!, index);
      visitedPairs += used.lists[listOf[index]!]!.pairs * Math.min(stack, group - first);
    }
    const joined = {
      stack,
      listOf,
      visitedPairs,
      reaches: used.reaches,
      masked: joinedMask(patterns, made, numbers),
      indices: used.indices(),
    };
    const blockPositions = Math.max(...made.map((each) => each.blockPositions));
    const apart = made.some(({ gathered }) => gathered === true) || (stacks > 1 && !sameBlocks(used.lists));
    if (!apart || shape.queries <= FEW_QUERIES) return { ...joined, lists: used.lists, blockPositions };
    return inGatheredBlocks(joined, used.lists, shape);
  };
}

/** Lists of several schedules, those that are needed, in the numbers of one. */
class UsedLists {
  readonly lists: CountedList[] = [];
  readonly reaches: Reach[] = [];
  readonly #made: readonly Schedule[];
  readonly #known = new Map<TaskList, number>();
  readonly #reachBase: number[] = [];
  readonly #indexBase: number[] = [];

  constructor(made: readonly Schedule[]) {
    this.#made = made;
    let indices = 0;
    for (const schedule of made) {
      this.#reachBase.push(this.reaches.length);
      this.#indexBase.push(indices);
      this.reaches.push(...schedule.reaches);
      indices += schedule.indices.length;
    }
  }

  /** The number of the list that a schedule has for a stack of heads. */
  add(number: number, index: number): number {
    const schedule = this.#made[number]!;
    const list = schedule.lists[schedule.listOf[index]!]!;
    let place = this.#known.get(list);
    if (place === undefined) {
      place = this.lists.push(moved(list, this.#reachBase[number]!, this.#indexBase[number]!)) - 1;
      this.#known.set(list, place);
    }
    return place;
  }

  indices(): Int32Array {
    const joined = new Int32Array(this.#made.reduce((sum, { indices }) => sum + indices.length, 0));
    for (const [i, { indices }] of this.#made.entries()) joined.set(indices, this.#indexBase[i]);
    return joined;
  }
}

function moved(list: TaskList, reachBase: number, indexBase: number): CountedList {
  const tasks = list.tasks.slice();
  let pairs = 0;
  for (let at = 0; at < tasks.length; at += TASK_INTS) {
    pairs += tasks[at + 1]! * tasks[at + 4]!;
    if (tasks[at + 9]! >= 0) tasks[at + 9]! += indexBase;
    if (tasks[at + 10]! >= 0) tasks[at + 10]! += indexBase;
    tasks[at + 11]! += reachBase;
  }
  return { tasks, blocks: list.blocks, pairs };
}

/** What decides in masked tasks. Lists without a mask look at none. */
function joinedMask(patterns: readonly Pattern[], made: readonly Schedule[], numbers: Int32Array): Mask | undefined {
  const masks = new Set(made.flatMap(({ masked }) => masked ?? []));
  if (masks.size <= 1) return [...masks][0];
  const parts = made.flatMap(({ masked }, i) =>
    masked === undefined || patterns[i]!.terms !== undefined ? [] : [and(mask`${numbers}[h] == ${i}`, masked)],
  );
  const terms = patterns.map((pattern) => pattern.terms ?? NO_TERMS);
  if (terms.some((each) => each !== NO_TERMS)) {
    parts.push(perHeadTermsMask(Array.from(numbers, (number) => terms[number]!)));
  }
  return or(...parts);
}

const NO_TERMS: MaskTerms = {};

/** Whether blocks have the same rows in all lists, one after the other. */
function sameBlocks(lists: readonly TaskList[]): boolean {
  const rowsOf = ({ tasks, blocks }: TaskList): string =>
    Array.from(blocks.subarray(0, -1), (task) => tasks.subarray(task * TASK_INTS, task * TASK_INTS + 3).join()).join(
      " ",
    );
  const first = rowsOf(lists[0]!);
  return lists.every((list) => list === lists[0] || rowsOf(list) === first);
}

function inGatheredBlocks(
  joined: Omit<Schedule, "lists" | "blockPositions">,
  lists: readonly CountedList[],
  shape: AttentionShape,
): Schedule {
  const blockPositions = gatheredPositions(shape, joined.stack);
  const cut = lists.map((list) => gatheredList(list, joined.indices, shape.queries, blockPositions));
  return { ...joined, lists: cut, blockPositions, gathered: true };
}
