import { uniformAt } from "./draws.ts";

/** Pairs of a query row and a key that the float64 rows of a cell may cost: a few seconds. */
const PAIR_BUDGET = 2 ** 26;
/** However long the text. */
const LEAST = 8;

/**
 * Positions whose rows are compared, ascending: the first, the last, and one drawn from each of equally long stretches between them.
 * `asked` of them, fewer where H heads of so many keys would cost more than 2^26 pairs: about 2^27 / (H N), 8 at least.
 */
export function stratifiedPositions(asked: number, length: number, heads: number, seed: number): number[] {
  const affordable = Math.max(LEAST, Math.floor((2 * PAIR_BUDGET) / (heads * length)));
  const count = Math.min(asked, affordable, length);
  if (count < 2) return count === 1 ? [length - 1] : [];
  const positions = [0];
  const between = length - 2;
  for (let stratum = 0; stratum < count - 2; stratum++) {
    const from = Math.floor((stratum * between) / (count - 2));
    const end = Math.floor(((stratum + 1) * between) / (count - 2));
    positions.push(1 + from + Math.floor(uniformAt(seed, stratum) * (end - from)));
  }
  positions.push(length - 1);
  return positions;
}
