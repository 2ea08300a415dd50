import type { BlockRows, Positions } from "@saccade/core/variants";

/**
 * Queries in runs whose positions lie in one block of C positions each, in every batch element: where these stand at different positions,
 * runs end where any of their blocks does.
 *
 * @param most queries of a run at most; longer ones are cut into equal parts.
 */
export function rowBlocks(queries: number, { queryOffset }: Positions, blockSize: number, most: number): BlockRows[] {
  const cuts = new Set<number>([0, queries]);
  for (const offset of new Set(queryOffset)) {
    const into = offset - Math.floor(offset / blockSize) * blockSize;
    for (let cut = blockSize - into; cut < queries; cut += blockSize) cuts.add(cut);
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
