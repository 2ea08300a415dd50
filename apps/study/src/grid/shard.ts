import type { CellKey } from "../cells/record.ts";

/** One of `count` parts of a grid, counted from 1. */
export interface Shard {
  readonly index: number;
  readonly count: number;
}

/**
 * The cells of one shard. They are dealt along diagonals: the cells of a length go to all shards in turn, and each length begins with the
 * next shard, so that long cells and dear variants are spread. Every cell is in exactly one shard.
 */
export function shardOf(cells: readonly CellKey[], { index, count }: Shard): CellKey[] {
  const lengths = [...new Set(cells.map((cell) => cell.length))];
  return lengths.flatMap((length, turn) =>
    cells.filter((cell) => cell.length === length).filter((_, at) => (at + turn) % count === index - 1),
  );
}
