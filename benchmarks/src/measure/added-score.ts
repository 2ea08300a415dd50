import { gaussianLike } from "./inputs.ts";
import type { CallShape } from "./shape.ts";

/** Distances beyond it count as it. */
export const RELATIVE_REACH = 128;

/** [H, 2 reach + 1]: a bias for every head and key - query. */
export function relativeTable(H: number): Float32Array {
  return gaussianLike(H * (2 * RELATIVE_REACH + 1), 0x7ab1e);
}

/** What the call adds to the score of head h, a query and a key at these positions. ALiBi's slopes are those of powers of two. */
export function addedScore({ H, score }: CallShape): (h: number, q: number, k: number) => number {
  switch (score) {
    case undefined:
      return () => 0;
    case "alibi":
      return (h, q, k) => -(2 ** ((-8 * (h + 1)) / H)) * (q - k);
    case "relative": {
      const table = relativeTable(H);
      return (h, q, k) => {
        const distance = Math.max(-RELATIVE_REACH, Math.min(RELATIVE_REACH, k - q));
        return table[h * (2 * RELATIVE_REACH + 1) + RELATIVE_REACH + distance]!;
      };
    }
    default:
      return score satisfies never;
  }
}
