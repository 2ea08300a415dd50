import type { Positions } from "@saccade/core/variants";

/** Chunks of positions: floor((p + shift) / length). */
export interface Chunks {
  readonly length: number;
  readonly shift: number;
}

/**
 * Cuts the queries into runs that lie in one chunk each, in every batch element: where these stand at different positions, at the ends of
 * all of their chunks.
 *
 * @returns the first query of every run, and at last the number of queries.
 */
export function chunkRuns(queries: number, { queryOffset }: Positions, { length, shift }: Chunks): number[] {
  const cuts = new Set<number>([0, queries]);
  for (const offset of new Set(queryOffset)) {
    const into = modulo(offset + shift, length);
    for (let cut = length - into; cut < queries; cut += length) cuts.add(cut);
  }
  return [...cuts].sort((a, b) => a - b);
}

/** Cuts runs of rows further, into equal blocks of at most `most` rows. */
export function blocksOfRuns(runs: readonly number[], most: number): { start: number; count: number }[] {
  const blocks: { start: number; count: number }[] = [];
  for (let run = 0; run + 1 < runs.length; run++) {
    const end = runs[run + 1]!;
    const size = Math.max(1, Math.ceil((end - runs[run]!) / Math.ceil((end - runs[run]!) / most)));
    for (let start = runs[run]!; start < end; start += size) blocks.push({ start, count: Math.min(size, end - start) });
  }
  return blocks;
}

/** The remainder that is not negative. */
export function modulo(value: number, by: number): number {
  return value - Math.floor(value / by) * by;
}
