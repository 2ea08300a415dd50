import type { BlockRows, Positions } from "@saccade/core/variants";

interface RowBlockOptions {
  /** C */
  readonly blockSize: number;
  /** Queries of a run at most; longer ones are cut into equal parts. */
  readonly most: number;
  /** Whether the positions of a block can be in one run with those of the block before it. Default: never. */
  readonly repeated?: ((block: number) => boolean) | undefined;
}

/**
 * Queries in runs whose positions lie in one block of C positions each, or in blocks that repeat each other, in every batch element: where these
 * stand at different positions, runs end where any of their blocks does.
 */
export function rowBlocks(
  queries: number,
  { queryOffset }: Positions,
  { blockSize, most, repeated = () => false }: RowBlockOptions,
): BlockRows[] {
  const cuts = new Set<number>([0, queries]);
  for (const offset of new Set(queryOffset)) {
    let block = Math.floor(offset / blockSize) + 1;
    for (let cut = block * blockSize - offset; cut < queries; cut += blockSize, block++) {
      if (!repeated(block)) cuts.add(cut);
    }
  }
  const ends = [...cuts].sort((a, b) => a - b);
  const blocks: BlockRows[] = [];
  for (let run = 0; run + 1 < ends.length; run++) {
    const [from, to] = [ends[run]!, ends[run + 1]!];
    const size = Math.ceil((to - from) / Math.ceil((to - from) / most));
    for (let start = from; start < to; start += size) blocks.push({ start, count: Math.min(size, to - start) });
  }
  return blocks;
}
