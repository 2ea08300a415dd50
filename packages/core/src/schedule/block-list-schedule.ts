import { bandOf } from "../expression/band-of.ts";
import { boundsOf } from "../expression/bounds.ts";
import { and, type Mask, rootOf } from "../expression/expression.ts";
import { OVER_B, OVER_H } from "../expression/node.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import { blockPositions } from "./band-schedule.ts";
import { type BlockList, checkBlockSize, numberedLists, sharedStack } from "./block-list.ts";
import { KeyRuns } from "./key-runs.ts";
import { listOfRuns, stackedLists } from "./run-lists.ts";
import { BLOCK_ROWS, NO_INDICES, type Schedule } from "./schedule.ts";

export interface BlockListOptions {
  /** C: keys i C .. i C + C - 1 are block i, by index and not by position. */
  readonly blockSize: number;
  /** Queries of a block, likewise. Default C. */
  readonly queryBlock?: number | undefined;
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
  const { blockSize, queryBlock = blockSize, listOf, mask = EVERYTHING, pairTerms = false } = options;
  checkBlockSize("scheduleFromBlocks: blockSize", blockSize);
  checkBlockSize("scheduleFromBlocks: queryBlock", queryBlock);
  const { ahead, back, rest } = bandOf(mask);
  const reach = { ahead, back };
  const over = rest === undefined ? 0 : rootOf(rest).over;
  const runs = new KeyRuns(boundsOf(rest ?? EVERYTHING), reach, pairTerms);
  const numbers = numberedLists("scheduleFromBlocks", shape, { blockSize, queryBlock }, listOf);
  const stack = sharedStack(shape, listOf);
  const positions = nestedPositions(shape, queryBlock, stack);
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
        const block = Math.floor(row / queryBlock);
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

/** Positions of a schedule's block: the largest divisor of the block size whose rows a unit holds, so that no block has two lists. */
function nestedPositions(shape: AttentionShape, queryBlock: number, stack: number): number {
  const most = Math.max(1, Math.floor(BLOCK_ROWS / stack));
  const wanted = stack === 1 ? blockPositions({ ...shape, kvHeads: shape.heads }) : blockPositions(shape);
  for (let parts = 1; ; parts++) {
    const positions = queryBlock / parts;
    // A unit's memory follows its rows: no more than dense attention would take.
    if (Number.isInteger(positions) && positions <= Math.min(most, Math.max(wanted, 1))) return positions;
  }
}
