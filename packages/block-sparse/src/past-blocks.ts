import type { AttentionShape, Positions } from "@saccade/core/variants";

/** Blocks of keys as a query at a position finds them. */
export interface PastBlocks {
  /** Blocks before its own that have keys. */
  readonly past: number;
  /** Its own block, or -1 where that has no keys. */
  readonly own: number;
}

export function pastBlocks(position: number, keys: number, blockSize: number): PastBlocks {
  if (position < 0) return { past: 0, own: -1 };
  const own = Math.floor(position / blockSize);
  const blocks = Math.ceil(keys / blockSize);
  return own < blocks ? { past: own, own } : { past: blocks, own: -1 };
}

/** How many blocks every query of a batch element takes, as starts of lists: its own, and so many past ones that there are `topK`. */
export function startsOfPast(
  { queries }: Pick<AttentionShape, "queries">,
  at: Positions,
  b: number,
  { blockSize, topK }: { readonly blockSize: number; readonly topK: number },
): Int32Array {
  const starts = new Int32Array(queries + 1);
  for (let i = 0; i < queries; i++) {
    const { past, own } = pastBlocks(i + at.queryOffset[b]!, at.keyLength[b]!, blockSize);
    starts[i + 1] = starts[i]! + Math.min(topK, past + (own < 0 ? 0 : 1));
  }
  return starts;
}
