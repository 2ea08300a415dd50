import { bandOf } from "../expression/band-of.ts";
import { boundsOf } from "../expression/bounds.ts";
import { and, type Mask, rootOf } from "../expression/expression.ts";
import { OVER_B, OVER_H } from "../expression/node.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import { blockPositions, stackedHeads } from "./band-schedule.ts";
import { KeyRuns } from "./key-runs.ts";
import { listOfRuns, stackedLists } from "./run-lists.ts";
import { BLOCK_ROWS, NO_INDICES, type Schedule } from "./schedule.ts";

/** Which blocks of keys every block of queries meets, as compressed rows. */
export interface BlockList {
  /** First entry of every block of queries in `keyBlocks`, then the number of entries: ceil(N / blockSize) + 1 ints. */
  readonly starts: Int32Array;
  /** Blocks of keys, ascending for each block of queries. */
  readonly keyBlocks: Int32Array;
}

export interface BlockListOptions {
  /** C: queries i C .. i C + C - 1 are block i of queries, by index and not by position; keys likewise. */
  readonly blockSize: number;
  /** The list of a batch element and query head. Heads with the same object share their schedule, and in a group their rows. */
  readonly listOf: (b: number, h: number) => BlockList;
  /** Shows pairs inside the listed blocks, by position. Default: all. */
  readonly mask?: Mask | undefined;
  /** Whether a mask tensor or a bias can hide pairs as well; every task is then partial. Default false. */
  readonly pairTerms?: boolean | undefined;
}

const EVERYTHING: Mask = /* @__PURE__ */ and();

/**
 * The schedule of a list of blocks: neighbouring blocks of keys are one task, and a mask is looked at only where its bounds leave
 * something open.
 *
 * @throws RangeError when a list does not fit the call: its length, a block of keys beyond M, or blocks that do not ascend.
 */
export function scheduleFromBlocks(shape: AttentionShape, at: Positions, options: BlockListOptions): Schedule {
  const { blockSize, listOf, mask = EVERYTHING, pairTerms = false } = options;
  if (!Number.isInteger(blockSize) || blockSize < 1) {
    throw new RangeError(`scheduleFromBlocks: blockSize is ${blockSize}, expected a positive integer`);
  }
  const { ahead, back, rest } = bandOf(mask);
  const reach = { ahead, back };
  const over = rest === undefined ? 0 : rootOf(rest).over;
  const runs = new KeyRuns(boundsOf(rest ?? EVERYTHING), reach, pairTerms);
  const numbers = numbered(shape, blockSize, listOf);
  const stack = stackFor(shape, listOf);
  const positions = nestedPositions(shape, blockSize, stack);
  const lists = stackedLists(
    shape,
    stack,
    ({ b, h0 }) => {
      const places = [at.queryOffset[b]!, at.keyLength[b]!, numbers.get(listOf(b, h0))];
      return [...places, (over & OVER_B) !== 0 && b, (over & OVER_H) !== 0 && h0].join();
    },
    ({ b, h0, h1 }) => {
      const { starts, keyBlocks } = listOf(b, h0);
      return listOfRuns(shape.queries, positions, (row, rows) => {
        const first = row + at.queryOffset[b]!;
        runs.begin({ first, last: first + rows - 1, b, h0, h1, keys: at.keyLength[b]! });
        const block = Math.floor(row / blockSize);
        const end = starts[block + 1]!;
        for (let entry = starts[block]!; entry < end; entry++) {
          const from = keyBlocks[entry]!;
          // Neighbours are asked about together.
          while (entry + 1 < end && keyBlocks[entry + 1] === keyBlocks[entry]! + 1) entry++;
          runs.add(from * blockSize, (keyBlocks[entry]! + 1) * blockSize);
        }
        return runs.runs;
      });
    },
  );
  return { ...lists, blockPositions: positions, reaches: [reach], masked: rest, indices: NO_INDICES };
}

/** Every list once, checked, with a number. */
function numbered(
  { batch, heads, queries, keys }: AttentionShape,
  blockSize: number,
  listOf: BlockListOptions["listOf"],
): Map<BlockList, number> {
  const where = "scheduleFromBlocks";
  const numbers = new Map<BlockList, number>();
  const blocks = Math.ceil(queries / blockSize);
  const keyBlockCount = Math.ceil(keys / blockSize);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const list = listOf(b, h);
      if (numbers.has(list)) continue;
      numbers.set(list, numbers.size);
      const { starts, keyBlocks } = list;
      if (starts.length !== blocks + 1 || starts[blocks]! > keyBlocks.length) {
        throw new RangeError(
          `${where}: the list of b = ${b}, h = ${h} has ${starts.length} starts and ${keyBlocks.length} entries, ` +
            `expected ${blocks + 1} starts, the last of them the number of entries`,
        );
      }
      for (let block = 0; block < blocks; block++) {
        let previous = -1;
        for (let entry = starts[block]!; entry < starts[block + 1]!; entry++) {
          const keyBlock = keyBlocks[entry]!;
          if (keyBlock <= previous || keyBlock >= keyBlockCount) {
            throw new RangeError(
              `${where}: block ${block} of queries of b = ${b}, h = ${h} lists ${keyBlock} after ${previous}, ` +
                `expected ascending blocks below ${keyBlockCount}`,
            );
          }
          previous = keyBlock;
        }
      }
    }
  }
  return numbers;
}

/** Heads of a group stack where they all have the same list. */
function stackFor({ batch, heads, kvHeads }: AttentionShape, listOf: BlockListOptions["listOf"]): number {
  const group = heads / kvHeads;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      if (listOf(b, h) !== listOf(b, h - (h % group))) return 1;
    }
  }
  return stackedHeads(heads, kvHeads);
}

/** Positions of a schedule's block: the largest divisor of the block size whose rows a unit holds, so that no block has two lists. */
function nestedPositions(shape: AttentionShape, blockSize: number, stack: number): number {
  const most = Math.max(1, Math.floor(BLOCK_ROWS / stack));
  const wanted = stack === 1 ? blockPositions({ ...shape, kvHeads: shape.heads }) : blockPositions(shape);
  for (let parts = 1; ; parts++) {
    const positions = blockSize / parts;
    // A unit's memory follows its rows: no more than dense attention would take.
    if (Number.isInteger(positions) && positions <= Math.min(most, Math.max(wanted, 1))) return positions;
  }
}
