import type { BlockList } from "@saccade/core";
import { uniform } from "./normal.ts";

/** A list in which every one of rows x columns blocks stands with a probability; `keep` chooses among them. */
export function randomBlocks(
  rows: number,
  columns: number,
  density: number,
  seed: number,
  keep: (row: number, column: number) => boolean = () => true,
): BlockList {
  const next = uniform(seed);
  const starts = [0];
  const keyBlocks: number[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (next() < density && keep(row, column)) keyBlocks.push(column);
    }
    starts.push(keyBlocks.length);
  }
  return { starts: Int32Array.from(starts), keyBlocks: Int32Array.from(keyBlocks) };
}

/** Whether a list names a block, by looking at all entries of its row. */
export function names({ starts, keyBlocks }: BlockList, row: number, column: number): boolean {
  return row >= 0 && keyBlocks.subarray(starts[row], starts[row + 1]).includes(column);
}
