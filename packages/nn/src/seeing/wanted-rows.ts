import type { SeeingOptions } from "./attending.ts";

/** Weights of one query in one head. */
export interface WeightRow {
  readonly query: number;
  readonly head: number;
  /** [M], until the next row is asked for, or where it was to be written. */
  readonly weights: Float32Array;
}

/** Which rows are wanted, once they are known to exist. */
export interface WantedRows extends SeeingOptions {
  readonly batch: number;
  readonly heads: readonly number[];
  readonly queries: readonly number[];
  readonly alone: boolean;
  /** Where a row [M] is to be written. Default: into memory that the next row takes again. */
  readonly place?: ((query: number, head: number) => Float32Array) | undefined;
}

/** Runs [from, to) of neighbouring queries. */
export function runsOf(queries: readonly number[], most: number): (readonly [from: number, to: number])[] {
  const runs: [number, number][] = [];
  for (const query of queries) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === query && last[1] - last[0] < most) last[1]++;
    else runs.push([query, query + 1]);
  }
  return runs;
}
