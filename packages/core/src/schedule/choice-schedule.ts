import { bandOf } from "../expression/band-of.ts";
import { boundsOf } from "../expression/bounds.ts";
import { and, type Mask, rootOf } from "../expression/expression.ts";
import { OVER_B, OVER_H } from "../expression/node.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import { type BlockList, checkBlockSize, numberedLists, sharedStack } from "./block-list.ts";
import { scheduleFromBlocks } from "./block-list-schedule.ts";
import { KeyRuns } from "./key-runs.ts";
import { stackedLists, type CountedList, type Stack } from "./run-lists.ts";
import { FINISH, GATHERED_ROWS, putTask, TASK_INTS, type Schedule } from "./schedule.ts";

/** Which blocks of keys every query chose: a block list whose blocks of queries are single ones. */
export type Choices = BlockList;

export interface ChoiceOptions {
  /** C: keys i C .. i C + C - 1 are block i, by index and not by position. */
  readonly blockSize: number;
  /** The choices of a batch element and query head. Heads with the same object share their schedule, and in a group their rows. */
  readonly choicesOf: (b: number, h: number) => Choices;
  /** Shows pairs inside the chosen blocks, by position. Default: all. */
  readonly mask?: Mask | undefined;
  /** Whether a mask tensor or a bias can hide pairs as well; every task is then partial. Default false. */
  readonly pairTerms?: boolean | undefined;
}

const EVERYTHING: Mask = /* @__PURE__ */ and();

/** Queries up to which each has tasks of its own: there are too few of them to gather. */
const FEW_QUERIES = 16;
/** Units that a call should have at least, so that every core finds work until the end. */
const WANTED_UNITS = 16;
/** Positions that blocks are not cut below for that: the fewer, the fewer queries a block of keys gathers. */
const SMALL_BLOCK = 1024;

/**
 * The schedule of queries that choose their keys each for itself. Neighbours choose differently, and a tile that visited the union of
 * their choices would compute nearly everything; so it is turned round, as in MoBA's own code: for every block of keys the queries that
 * chose it are gathered, and their running states continue from where the block of keys before left them.
 *
 * ```text
 *   query -> blocks          block -> queries
 *   0  0 2                   0: 0 1
 *   1  0 1                   1: 1 2
 *   2  1 2                   2: 0 2
 * ```
 *
 * Index lists take 4 bytes for every choice.
 *
 * @throws RangeError when choices do not fit the call: their length, a block of keys beyond M, or blocks that do not ascend.
 */
export function scheduleFromChoices(shape: AttentionShape, at: Positions, options: ChoiceOptions): Schedule {
  const { blockSize, choicesOf, mask, pairTerms = false } = options;
  checkBlockSize("scheduleFromChoices: blockSize", blockSize);
  if (shape.queries <= FEW_QUERIES) {
    return scheduleFromBlocks(shape, at, { blockSize, queryBlock: 1, listOf: choicesOf, mask, pairTerms });
  }
  const numbers = numberedLists("scheduleFromChoices", shape, { blockSize, queryBlock: 1 }, choicesOf);
  const { ahead, back, rest } = bandOf(mask ?? EVERYTHING);
  const reach = { ahead, back };
  const over = rest === undefined ? 0 : rootOf(rest).over;
  const stack = sharedStack(shape, choicesOf);
  const positions = gatheredPositions(shape, stack);
  const runs = new KeyRuns(boundsOf(rest ?? EVERYTHING), reach, pairTerms);
  const gather = new Gather(shape, { blockSize, positions, runs });
  const lists = stackedLists(
    shape,
    stack,
    ({ b, h0 }) => {
      const places = [at.queryOffset[b]!, at.keyLength[b]!, numbers.get(choicesOf(b, h0))];
      return [...places, (over & OVER_B) !== 0 && b, (over & OVER_H) !== 0 && h0].join();
    },
    (of) => gather.list(choicesOf(of.b, of.h0), of, at),
  );
  const indices = gather.indices();
  return { ...lists, blockPositions: positions, reaches: [reach], masked: rest, indices, gathered: true };
}

/** Positions of a block: as many as a thread's states may have, or fewer where there would be too few units. */
function gatheredPositions({ batch, heads, queries }: AttentionShape, stack: number): number {
  const stacks = Math.max(1, (batch * heads) / stack);
  const wanted = Math.min(Math.ceil(WANTED_UNITS / stacks), Math.floor(queries / SMALL_BLOCK));
  const blocks = Math.max(Math.ceil((queries * stack) / GATHERED_ROWS), wanted, 1);
  return Math.ceil(queries / blocks);
}

interface GatherOptions {
  readonly blockSize: number;
  readonly positions: number;
  readonly runs: KeyRuns;
}

/** Lists of tasks by blocks of keys, and the rows that they name. */
class Gather {
  readonly #shape: AttentionShape;
  readonly #options: GatherOptions;
  #tasks = new Int32Array(256 * TASK_INTS);
  #at = 0;
  #pairs = 0;
  #indices = new Int32Array(0);
  #used = 0;
  /** Of the current block of rows: where the queries of every block of keys begin among the indices. */
  readonly #starts: Int32Array;

  constructor(shape: AttentionShape, options: GatherOptions) {
    this.#shape = shape;
    this.#options = options;
    this.#starts = new Int32Array(Math.ceil(shape.keys / options.blockSize) + 1);
  }

  /** The rows that the lists made so far name. */
  indices(): Int32Array {
    return this.#indices.slice(0, this.#used);
  }

  list(choices: Choices, { b, h0, h1 }: Stack, at: Positions): CountedList {
    const { queries } = this.#shape;
    const { blockSize, positions, runs } = this.#options;
    const blocks: number[] = [];
    this.#at = 0;
    this.#pairs = 0;
    this.#grow(choices.starts[queries]!);
    for (let row = 0; row < queries; row += positions) {
      const rows = Math.min(positions, queries - row);
      blocks.push(this.#at / TASK_INTS);
      this.#put(row, rows, -1, [0, 0, 0], 0);
      this.#sort(choices, row, rows);
      for (let block = 0; block + 1 < this.#starts.length; block++) {
        const from = this.#starts[block]!;
        const count = this.#starts[block + 1]! - from;
        if (count === 0) continue;
        const first = this.#indices[from]!;
        const last = this.#indices[from + count - 1]!;
        const offset = at.queryOffset[b]!;
        runs.begin({ first: first + offset, last: last + offset, b, h0, h1, keys: at.keyLength[b]! });
        runs.add(block * blockSize, (block + 1) * blockSize);
        // Neighbours need no list.
        const index = last - first + 1 === count ? -1 : from;
        for (let run = 0; run < runs.runs.length; run += 3) this.#put(first, count, index, runs.runs, run);
      }
      this.#tasks[this.#at - TASK_INTS + 7]! |= FINISH;
    }
    const tasks = this.#tasks.slice(0, this.#at);
    return { tasks, blocks: Int32Array.from([...blocks, this.#at / TASK_INTS]), pairs: this.#pairs };
  }

  /** The queries row..row + rows - 1 by the blocks of keys that they chose, by counting. */
  #sort({ starts, keyBlocks }: Choices, row: number, rows: number): void {
    const begins = this.#starts;
    const from = starts[row]!;
    const end = starts[row + rows]!;
    begins.fill(0);
    for (let entry = from; entry < end; entry++) begins[keyBlocks[entry]! + 1]!++;
    for (let block = 1; block < begins.length; block++) begins[block]! += begins[block - 1]!;
    // Where the next query of a block goes; at the end, where the next block begins.
    const indices = this.#indices;
    const used = this.#used;
    for (let query = row, entry = from; query < row + rows; query++) {
      for (const to = starts[query + 1]!; entry < to; entry++) indices[used + begins[keyBlocks[entry]!]!++] = query;
    }
    for (let block = begins.length - 1; block > 0; block--) begins[block] = used + begins[block - 1]!;
    begins[0] = used;
    this.#used = used + end - from;
  }

  #grow(entries: number): void {
    if (this.#used + entries <= this.#indices.length) return;
    const grown = new Int32Array(Math.max(this.#used + entries, 2 * this.#indices.length));
    grown.set(this.#indices);
    this.#indices = grown;
  }

  #put(row: number, rows: number, index: number, runs: readonly number[], run: number): void {
    if (this.#at === this.#tasks.length) {
      const grown = new Int32Array(2 * this.#tasks.length);
      grown.set(this.#tasks);
      this.#tasks = grown;
    }
    const from = runs[run]!;
    const count = runs[run + 1]! - from;
    putTask(this.#tasks, this.#at, row, rows, from, count, runs[run + 2]!);
    this.#tasks[this.#at + 9] = index;
    this.#at += TASK_INTS;
    this.#pairs += rows * count;
  }
}
