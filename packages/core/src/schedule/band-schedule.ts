import type { AttentionShape, Positions } from "../shape.ts";
import { reachEnd, reachStart, type Reach } from "./reach.ts";
import {
  BLOCK_ROWS,
  FINISH,
  NO_INDICES,
  PARTIAL,
  putTask,
  stacksPerGroup,
  TASK_INTS,
  type Schedule,
  type TaskList,
} from "./schedule.ts";

/**
 * Full tasks end at multiples of the kernels' tile of keys, so that only a block's last tile is not whole. Pairs that a partial task
 * covers although every row sees them cost nothing: kernels look at bounds a tile at a time first.
 */
const KEY_ALIGNMENT = 128;

/** Query heads of one key head that share a tile: the whole group, or equal shares of a group that is too large. */
export function stackedHeads(heads: number, kvHeads: number): number {
  const group = heads / kvHeads;
  return Math.ceil(group / Math.ceil(group / BLOCK_ROWS));
}

/** Units that a call should have at least, so that every core finds work until the end. */
const WANTED_UNITS = 16;
/** Blocks are not cut below this many rows for that: keys are packed once per block. */
const SMALL_BLOCK_ROWS = 192;

/** Floats of packed queries and running outputs that a block holds at most: a second-level cache's worth. */
const BLOCK_FLOATS = BLOCK_ROWS * 256;

/** Query positions of a block: equal blocks, as large as a unit may be, or smaller where there would be too few units. */
export function blockPositions(shape: AttentionShape): number {
  const { batch, heads, kvHeads, queries } = shape;
  const stack = stackedHeads(heads, kvHeads);
  const rows = Math.min(BLOCK_ROWS, Math.floor(BLOCK_FLOATS / Math.max(1, shape.headDim + shape.valueDim)));
  const most = Math.max(1, Math.floor(rows / stack));
  const stacks = (batch * heads) / stack;
  const wanted = Math.min(Math.ceil(WANTED_UNITS / stacks), Math.floor((queries * stack) / SMALL_BLOCK_ROWS));
  const blocks = Math.max(Math.ceil(queries / most), wanted, 1);
  return Math.max(1, Math.ceil(queries / blocks));
}

/**
 * The schedule of attention whose rows each see one range of keys: everything, causal, windows, chunks.
 *
 * For a block of positions the ranges overlap in the keys that every row sees (a full task); before and after them lie keys that
 * some rows see (partial tasks). So a block has at most three tasks at any length, and building the list takes time in
 * proportion to the number of blocks:
 *
 * ```text
 *   row 0   ####....        row i + 1 sees one key further
 *   row 1   .####...
 *   row 2   ..####..        partial | full | partial
 * ```
 *
 * @param pairTerms whether a mask or a bias can hide pairs inside the range; every task is then partial.
 */
export function bandSchedule(shape: AttentionShape, at: Positions, reach: Reach, pairTerms: boolean): Schedule {
  const { batch, heads, kvHeads, queries } = shape;
  const stack = stackedHeads(heads, kvHeads);
  const stacks = stacksPerGroup(heads, kvHeads, stack);
  const positions = blockPositions(shape);
  const listOf = new Int32Array(batch * kvHeads * stacks);
  const lists: TaskList[] = [];
  const owners: number[] = [];
  const visited: number[] = [];
  let visitedPairs = 0;
  for (let b = 0; b < batch; b++) {
    // Batch elements with the same offset and length share a list; heads always do.
    let index = owners.findIndex((owner) => samePlace(at, owner, b));
    if (index < 0) {
      index = lists.length;
      owners.push(b);
      const list = bandList(
        queries,
        positions,
        { offset: at.queryOffset[b]!, keys: at.keyLength[b]! },
        reach,
        pairTerms,
      );
      lists.push(list);
      visited.push(list.pairs);
    }
    listOf.fill(index, b * kvHeads * stacks, (b + 1) * kvHeads * stacks);
    visitedPairs += visited[index]! * heads;
  }
  return {
    lists,
    stack,
    listOf,
    blockPositions: positions,
    visitedPairs,
    reaches: [reach],
    masked: undefined,
    indices: NO_INDICES,
  };
}

/** Whether queries of two batch elements stand at the same positions before the same number of keys. */
function samePlace(at: Positions, a: number, b: number): boolean {
  return at.queryOffset[a] === at.queryOffset[b] && at.keyLength[a] === at.keyLength[b];
}

function bandList(
  queries: number,
  positions: number,
  { offset, keys }: { readonly offset: number; readonly keys: number },
  reach: Reach,
  pairTerms: boolean,
): TaskList & { readonly pairs: number } {
  const blockCount = Math.ceil(queries / positions);
  const tasks = new Int32Array(blockCount * 3 * TASK_INTS);
  const blocks = new Int32Array(blockCount + 1);
  let count = 0;
  let pairs = 0;
  for (let block = 0; block < blockCount; block++) {
    const row = block * positions;
    const rows = Math.min(positions, queries - row);
    const first = row + offset;
    const last = first + rows - 1;
    blocks[block] = count;
    // Keys that any row sees: [low, high). Keys that every row sees: [innerLow, innerHigh).
    const low = clamp(reachStart(reach, first), 0, keys);
    const high = Math.max(low, clamp(reachEnd(reach, last), 0, keys));
    let innerLow = clamp(reachStart(reach, last), low, high);
    let innerHigh = clamp(reachEnd(reach, first), low, high);
    if (innerLow > low) innerLow = Math.ceil(innerLow / KEY_ALIGNMENT) * KEY_ALIGNMENT;
    if (innerHigh < high) innerHigh = Math.floor(innerHigh / KEY_ALIGNMENT) * KEY_ALIGNMENT;
    const put = (from: number, to: number, flags: number): void => {
      putTask(tasks, count * TASK_INTS, row, rows, from, to - from, flags);
      count++;
      pairs += rows * (to - from);
    };
    if (pairTerms || innerHigh <= innerLow) {
      if (high > low) put(low, high, PARTIAL);
    } else {
      if (innerLow > low) put(low, innerLow, PARTIAL);
      put(innerLow, innerHigh, 0);
      if (high > innerHigh) put(innerHigh, high, PARTIAL);
    }
    // Rows without keys still have to be written.
    if (count === blocks[block]) put(0, 0, 0);
    tasks[count * TASK_INTS - 5]! |= FINISH;
  }
  blocks[blockCount] = count;
  return { tasks: tasks.subarray(0, count * TASK_INTS), blocks, pairs };
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
