import type { AttentionShape } from "../shape.ts";
import { stackedHeads } from "./band-schedule.ts";

/** Which blocks of keys every block of queries meets, as compressed rows. */
export interface BlockList {
  /** First entry of every block of queries in `keyBlocks`, then the number of entries: ceil(N / queries of a block) + 1 ints. */
  readonly starts: Int32Array;
  /** Blocks of keys, ascending for each block of queries. */
  readonly keyBlocks: Int32Array;
}

/** The list of a batch element and query head. Heads with the same object share it. */
export type BlockListOf = (b: number, h: number) => BlockList;

export function checkBlockSize(what: string, size: number): void {
  if (!Number.isInteger(size) || size < 1) throw new RangeError(`${what} is ${size}, expected a positive integer`);
}

/**
 * Every list once, checked, with a number.
 *
 * @throws RangeError when a list does not fit the call: its length, a block of keys beyond M, or blocks that do not ascend.
 */
export function numberedLists(
  where: string,
  { batch, heads, queries, keys }: AttentionShape,
  { blockSize, queryBlock }: { readonly blockSize: number; readonly queryBlock: number },
  listOf: BlockListOf,
): Map<BlockList, number> {
  const numbers = new Map<BlockList, number>();
  const blocks = Math.ceil(queries / queryBlock);
  const keyBlockCount = Math.ceil(keys / blockSize);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const list = listOf(b, h);
      if (numbers.has(list)) continue;
      numbers.set(list, numbers.size);
      checkList(where, `b = ${b}, h = ${h}`, list, blocks, keyBlockCount);
    }
  }
  return numbers;
}

function checkList(where: string, head: string, list: BlockList, blocks: number, keyBlockCount: number): void {
  const { starts, keyBlocks } = list;
  if (starts.length !== blocks + 1 || starts[blocks]! > keyBlocks.length) {
    throw new RangeError(
      `${where}: the list of ${head} has ${starts.length} starts and ${keyBlocks.length} entries, ` +
        `expected ${blocks + 1} starts, the last of them the number of entries`,
    );
  }
  for (let block = 0; block < blocks; block++) {
    let previous = -1;
    for (let entry = starts[block]!; entry < starts[block + 1]!; entry++) {
      const keyBlock = keyBlocks[entry]!;
      if (keyBlock <= previous || keyBlock >= keyBlockCount) {
        throw new RangeError(
          `${where}: block ${block} of queries of ${head} lists ${keyBlock} after ${previous}, ` +
            `expected ascending blocks below ${keyBlockCount}`,
        );
      }
      previous = keyBlock;
    }
  }
}

/** Heads of a group stack where they all have the same list. */
export function sharedStack({ batch, heads, kvHeads }: AttentionShape, listOf: BlockListOf): number {
  const group = heads / kvHeads;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      if (listOf(b, h) !== listOf(b, h - (h % group))) return 1;
    }
  }
  return stackedHeads(heads, kvHeads);
}
