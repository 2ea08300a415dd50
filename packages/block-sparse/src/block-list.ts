import type { BlockList } from "@saccade/core";
import type { AttentionShape } from "@saccade/core/variants";
import type { BlockRowList } from "./list-pattern.ts";
import { shown } from "./checks.ts";

/**
 * Lists of blocks as options give them: `starts` are row starts, `keyBlocks` ascend in every row. One list for all, [H] of them, or
 * [B][H].
 */
export type BlockLists = BlockList | readonly BlockList[] | readonly (readonly BlockList[])[];

export interface CheckedList extends BlockRowList {
  /** Its rows. */
  readonly rows: number;
  /** The largest block of keys that it names, -1 without any. */
  readonly largest: number;
}

/** Lists by batch element and query head; one batch element or head stands for all. */
export type CheckedLists = readonly (readonly CheckedList[])[];

/**
 * Checks what does not depend on a call, and keeps copies.
 *
 * @throws TypeError or RangeError naming the list, its row and the entry.
 */
export function checkedLists(where: string, blocks: BlockLists): CheckedLists {
  const perHead: readonly unknown[] = Array.isArray(blocks) ? blocks : [blocks];
  const perBatch = Array.isArray(perHead[0]) ? (perHead as readonly (readonly BlockList[])[]) : [perHead];
  const copies = new Map<BlockList, CheckedList>();
  return perBatch.map((lists, b) => {
    if (!Array.isArray(lists) || lists.length === 0 || lists.length !== perBatch[0]!.length) {
      throw new RangeError(`${where}: blocks[${b}] is ${shown(lists)}, expected a list for every query head`);
    }
    return (lists as readonly BlockList[]).map((list, h) => {
      let copy = copies.get(list);
      if (copy === undefined) {
        const place = perBatch.length > 1 ? `blocks[${b}][${h}]` : lists.length > 1 ? `blocks[${h}]` : "blocks";
        checkList(`${where}: ${place}`, list);
        copy = rowList(list);
        copies.set(list, copy);
      }
      return copy;
    });
  });
}

/**
 * Checks that lists fit a call.
 *
 * @param rows rows that lists need.
 * @throws RangeError naming what was expected and what came.
 */
export function checkCallLists(
  where: string,
  perBatch: CheckedLists,
  shape: AttentionShape,
  blockSize: number,
  rows: number,
): void {
  const { batch, heads, keys } = shape;
  if (![1, batch].includes(perBatch.length) || ![1, heads].includes(perBatch[0]!.length)) {
    const sizes = `[${perBatch.length}][${perBatch[0]!.length}]`;
    throw new RangeError(
      `${where}: blocks has lists for ${sizes} batch elements and heads, expected B = ${batch} and H = ${heads}`,
    );
  }
  for (const { rows: own, largest } of new Set(perBatch.flat())) {
    if (own < rows) {
      throw new RangeError(
        `${where}: blocks has ${own} rows of ${blockSize} positions, expected the ${rows} that the call's positions need`,
      );
    }
    // A list may be made for more tokens than there are yet.
    const most = Math.max(own, Math.ceil(keys / blockSize));
    if (largest >= most)
      throw new RangeError(`${where}: blocks lists block ${largest} of keys, expected blocks below ${most}`);
  }
}

function checkList(what: string, list: BlockList): void {
  const { starts, keyBlocks } = list ?? {};
  if (!(starts instanceof Int32Array) || !(keyBlocks instanceof Int32Array)) {
    throw new TypeError(`${what} is ${shown(list)}, expected { starts, keyBlocks } as Int32Arrays`);
  }
  const rows = starts.length - 1;
  if (rows < 0 || starts[0] !== 0 || starts[rows] !== keyBlocks.length) {
    throw new RangeError(
      `${what} has starts from ${starts[0]} to ${starts[rows]}, expected from 0 to its ${keyBlocks.length} entries`,
    );
  }
  for (let row = 0; row < rows; row++) {
    if (starts[row + 1]! < starts[row]!) {
      throw new RangeError(`${what} has starts that fall from ${starts[row]} to ${starts[row + 1]} in row ${row}`);
    }
    for (let entry = starts[row]!; entry < starts[row + 1]!; entry++) {
      const block = keyBlocks[entry]!;
      if (block < 0) throw new RangeError(`${what} lists block ${block} in row ${row}, expected blocks from 0 on`);
      if (entry === starts[row] || block > keyBlocks[entry - 1]!) continue;
      const problem =
        block === keyBlocks[entry - 1]
          ? `lists block ${block} twice`
          : `is not sorted: ${block} follows ${keyBlocks[entry - 1]}`;
      throw new RangeError(`${what} ${problem} in row ${row}, expected ascending blocks of keys`);
    }
  }
}

/** A copy of a list, by rows. */
function rowList(list: BlockList): CheckedList {
  const [starts, keyBlocks] = [list.starts.slice(), list.keyBlocks.slice()];
  const rows = starts.length - 1;
  const repeated = Uint8Array.from({ length: rows }, (_, row) => (row > 0 && sameRow(starts, keyBlocks, row) ? 1 : 0));
  const rowOf = (row: number): Int32Array => keyBlocks.subarray(starts[row], starts[row + 1]);
  const names = (row: number, block: number): boolean => row < rows && rowOf(row).includes(block);
  const largest = keyBlocks.reduce((most, block) => Math.max(most, block), -1);
  return { rows, largest, rowOf, repeats: (row) => repeated[row] === 1, names };
}

/** Whether a row names what the one before it names. */
function sameRow(starts: Int32Array, keyBlocks: Int32Array, row: number): boolean {
  const [before, from, end] = [starts[row - 1]!, starts[row]!, starts[row + 1]!];
  if (end - from !== from - before) return false;
  for (let entry = from; entry < end; entry++) {
    if (keyBlocks[entry] !== keyBlocks[entry - (from - before)]) return false;
  }
  return true;
}
