import { topKInto } from "./top-k.ts";

/** Columns and diagonals of one head, both ascending: plain numbers, which can be stored as JSON. */
export interface VerticalSlashLists {
  readonly verticals: readonly number[];
  readonly slashes: readonly number[];
}

/** How many of each are taken. */
export interface VerticalSlashCounts {
  readonly verticals: number;
  readonly slashes: number;
}

/** Columns and diagonals that are always taken. */
export const FORCED = 30;

/** Softmax weights summed along columns and diagonals. */
export class VerticalSlashSums {
  readonly #columns: Float64Array;
  readonly #diagonals: Float64Array;

  /** @param distances q - k that queries may have: 0 .. distances - 1. */
  constructor(keys: number, distances: number) {
    this.#columns = new Float64Array(keys);
    this.#diagonals = new Float64Array(distances);
  }

  /** Takes the weights of keys 0 .. count - 1 of a query. */
  add(position: number, weights: Float32Array | Float64Array, at: number, count: number): void {
    const [columns, diagonals] = [this.#columns, this.#diagonals];
    for (let key = 0; key < count; key++) {
      const weight = weights[at + key]!;
      columns[key]! += weight;
      diagonals[position - key]! += weight;
    }
  }

  /** The first 30 columns and the last 30 diagonals, and those with the largest sums up to the numbers asked for. */
  lists({ verticals, slashes }: VerticalSlashCounts): VerticalSlashLists {
    return { verticals: largest(this.#columns, verticals), slashes: largest(this.#diagonals, slashes) };
  }
}

function largest(sums: Float64Array, count: number): number[] {
  const ranked = Float32Array.from(sums);
  ranked.fill(Infinity, 0, FORCED);
  const taken = new Int32Array(Math.min(count, sums.length));
  topKInto(ranked, 0, ranked.length, taken.length, taken, 0);
  return [...taken];
}

/** Pairs of a head on a column or a diagonal: those on both count once. */
export function crossPairs(
  { verticals, slashes }: VerticalSlashLists,
  { first, queries, keys }: { readonly first: number; readonly queries: number; readonly keys: number },
): number {
  const [low, high] = [Math.max(first, 0), first + queries - 1];
  let pairs = 0;
  for (const column of verticals) if (column < keys) pairs += Math.max(0, high - Math.max(low, column) + 1);
  for (const slash of slashes) pairs += Math.max(0, Math.min(high, keys - 1 + slash) - Math.max(low, slash) + 1);
  for (const column of verticals) {
    if (column >= keys) continue;
    for (const slash of slashes) if (column + slash >= low && column + slash <= high) pairs--;
  }
  return pairs;
}
