import type { Mask } from "@saccade/core";
import {
  blockPositions,
  MASKED,
  PARTIAL,
  stackedHeads,
  stackedLists,
  TaskWriter,
  type AttentionShape,
  type BlockRows,
  type Positions,
  type Reach,
  type Schedule,
} from "@saccade/core/variants";
import type { KeyBand } from "./key-bands.ts";

/** Columns and rows that are visible from end to end, and bands along the diagonal. */
export interface Cross {
  /** Ascending keys that every query sees. */
  readonly columns: Int32Array;
  /** Ascending positions of queries that see every key. */
  readonly rows: Int32Array;
  /** The farthest first; they do not touch. */
  readonly bands: readonly KeyBand[];
  readonly causal: boolean;
}

export interface CrossOptions {
  readonly cross: Cross;
  /** Columns and bands as a mask. */
  readonly shown: Mask;
}

/** Rows of a block that packing a key costs as much as, when sizes of blocks are compared. */
const PACKING_ROWS = 48;
/** Blocks are not cut below this many rows. */
const LEAST_ROWS = 16;
/** Blocks that a size is judged by. */
const SAMPLED_BLOCKS = 16;
/** Keys that all rows of a block see are a task of their own from this many on: a tile of the kernels. */
const LEAST_FULL = 128;

/**
 * The tasks of columns, rows and bands. For a block of queries the keys are cut into stretches that some band passes through, and the rest,
 * where only columns are visible: these are named one by one. So every pair stands in one task, whatever shows it.
 *
 * ```text
 *   columns    band      diagonal
 *   # . # . . ####. . . #. .
 *   # . # . . .####. . . #.       the rows of a block see one key further each
 *   # . # . . ..####. . . #
 * ```
 *
 * A diagonal passes through rows + 1 keys of a block of rows, of which each row sees one: that is what isolated diagonals cost, and why
 * blocks become smaller the more there are of them. Rows that see everything are blocks of their own.
 */
export function crossSchedule(
  shape: AttentionShape,
  at: Positions,
  { cross, shown }: CrossOptions,
  pairTerms: boolean,
): Schedule {
  const { columns, rows, bands, causal } = cross;
  const stack = stackedHeads(shape.heads, shape.kvHeads);
  const ahead = causal ? 0 : Infinity;
  // The first reach leaves everything to the mask; a band that begins at the diagonal or after it is one of its own.
  const reaches: Reach[] = [{ ahead, back: Infinity }];
  const reachOf = bands.map(({ near, far }) =>
    near > 0 || far < 0 ? 0 : reaches.push({ ahead: Math.min(ahead, -near), back: far }) - 1,
  );
  // Columns that are neighbours need no list.
  const listed = columns.length > 0 && columns.at(-1)! - columns[0]! >= columns.length;
  const indices: number[] = listed ? Array.from(columns) : [];
  const whole = blockPositions(shape);
  const cut = new KeyCut(cross, reachOf, pairTerms);
  const positions = chosenPositions(shape, at, { cut, whole, stack });
  const lists = stackedLists(
    shape,
    stack,
    ({ b }) => `${at.queryOffset[b]} ${at.keyLength[b]}`,
    ({ b }) => {
      const offset = at.queryOffset[b]!;
      const keys = at.keyLength[b]!;
      const writer = new TaskWriter();
      const global = Array.from(rows.subarray(lowerBound(rows, offset), lowerBound(rows, offset + shape.queries)));
      for (let from = 0; from < global.length; from += whole) {
        const some = global.slice(from, from + whole).map((position) => position - offset);
        writer.begin(rowsOf(some, indices));
        const full = pairTerms ? 0 : Math.max(0, Math.min(keys, some[0]! + offset + ahead + 1));
        writer.put({ start: 0, count: full });
        const end = Math.max(full, Math.min(keys, some.at(-1)! + offset + ahead + 1));
        writer.put({ start: full, count: end - full, flags: PARTIAL });
      }
      for (let start = 0; start < shape.queries; start += positions) {
        const block = withoutRows({ start, count: Math.min(positions, shape.queries - start) }, offset, rows, indices);
        if (block.count === 0) continue;
        writer.begin(block);
        cut.put(writer, start + offset, Math.min(start + positions, shape.queries) - 1 + offset, keys);
      }
      return writer.list();
    },
  );
  return {
    ...lists,
    blockPositions: Math.max(positions, rows.length === 0 ? 0 : Math.min(whole, rows.length)),
    reaches,
    masked: shown,
    indices: Int32Array.from(indices),
  };
}

/** Rows as a list, or by their first where they are neighbours. */
function rowsOf(rows: readonly number[], indices: number[]): BlockRows {
  const [start, count] = [rows[0]!, rows.length];
  if (rows.at(-1)! - start + 1 === count) return { start, count };
  const index = indices.length;
  for (const row of rows) indices.push(row);
  return { start, count, index };
}

/** The rows of a block whose positions are not among those that see everything. */
function withoutRows(block: BlockRows, offset: number, rows: Int32Array, indices: number[]): BlockRows {
  const first = lowerBound(rows, block.start + offset);
  const end = lowerBound(rows, block.start + block.count + offset);
  if (first === end) return block;
  const global = new Set(rows.subarray(first, end));
  const others = Array.from({ length: block.count }, (_, i) => block.start + i).filter(
    (row) => !global.has(row + offset),
  );
  return others.length === 0 ? { start: block.start, count: 0 } : rowsOf(others, indices);
}

/** Half the rows of a block see their bands more closely, and pack keys twice as often: what has the least work. */
function chosenPositions(
  { batch, queries }: AttentionShape,
  at: Positions,
  { cut, whole, stack }: { readonly cut: KeyCut; readonly whole: number; readonly stack: number },
): number {
  let best = whole;
  let least = Infinity;
  for (let positions = whole; batch > 0; positions = Math.ceil(positions / 2)) {
    const blocks = Math.ceil(queries / positions);
    const samples = Math.min(blocks, SAMPLED_BLOCKS);
    let cost = 0;
    for (let sample = 0; sample < samples; sample++) {
      const start = Math.floor(((sample + 0.5) * blocks) / samples) * positions;
      const b = sample % batch;
      const last = Math.min(start + positions, queries) - 1;
      const writer = new TaskWriter();
      writer.begin({ start, count: 1 });
      cut.put(writer, start + at.queryOffset[b]!, last + at.queryOffset[b]!, at.keyLength[b]!);
      cost += (writer.list().pairs * ((last - start + 1) * stack + PACKING_ROWS) * blocks) / samples;
    }
    if (cost >= least) break;
    least = cost;
    best = positions;
    if (positions * stack <= LEAST_ROWS || positions === 1) break;
  }
  return best;
}

/** Cuts the keys of a block of queries into tasks. */
class KeyCut {
  readonly #cross: Cross;
  readonly #reachOf: readonly number[];
  readonly #pairTerms: boolean;
  readonly #ahead: number;

  constructor(cross: Cross, reachOf: readonly number[], pairTerms: boolean) {
    this.#cross = cross;
    this.#reachOf = reachOf;
    this.#pairTerms = pairTerms;
    this.#ahead = cross.causal ? 0 : Infinity;
  }

  /** Puts the tasks of the positions first..last, in ascending order of keys. */
  put(writer: TaskWriter, first: number, last: number, keys: number): void {
    const { bands } = this.#cross;
    const end = Math.max(0, Math.min(keys, last + this.#ahead + 1));
    let from = 0;
    for (let i = 0; i < bands.length;) {
      // Bands that overlap for this block are one stretch.
      const begin = i;
      const low = Math.max(from, first - bands[i]!.far);
      let high = last - bands[i]!.near + 1;
      for (i++; i < bands.length && first - bands[i]!.far <= high; i++)
        high = Math.max(high, last - bands[i]!.near + 1);
      high = Math.min(high, end);
      if (high <= low) continue;
      this.#putColumns(writer, from, low, first);
      this.#putBands(writer, { begin, end: i, low, high, first, last });
      from = high;
    }
    this.#putColumns(writer, from, end, first);
  }

  /** The columns among keys from..end - 1. */
  #putColumns(writer: TaskWriter, from: number, end: number, first: number): void {
    const { columns } = this.#cross;
    const begin = lowerBound(columns, from);
    const stop = lowerBound(columns, end);
    const seen = this.#pairTerms
      ? begin
      : Math.min(stop, Math.max(begin, lowerBound(columns, first + this.#ahead + 1)));
    const put = (at: number, to: number, flags: number): void => {
      if (to <= at) return;
      const [start, count] = [columns[at]!, to - at];
      const neighbours = columns[to - 1]! - start + 1 === count;
      writer.put({ start, count, index: neighbours ? undefined : at, flags });
    };
    put(begin, seen, 0);
    put(seen, stop, PARTIAL);
  }

  #putBands(
    writer: TaskWriter,
    { begin, end, low, high, first, last }: Record<"begin" | "end" | "low" | "high" | "first" | "last", number>,
  ): void {
    const { bands, columns } = this.#cross;
    const reach = this.#reachOf[begin]!;
    const bounded = end - begin === 1 && reach > 0;
    // Where a band's bounds say everything, there is no mask to look at.
    const edge = (from: number, to: number): void => {
      const clear = bounded && lowerBound(columns, from) === lowerBound(columns, to);
      writer.put({
        start: from,
        count: to - from,
        flags: clear ? PARTIAL : PARTIAL | MASKED,
        reach: clear ? reach : 0,
      });
    };
    let from = low;
    for (let i = begin; i < end && !this.#pairTerms; i++) {
      const { near, far } = bands[i]!;
      const innerLow = Math.max(from, last - far);
      const innerHigh = Math.min(high, first - Math.max(near, -this.#ahead) + 1);
      if (innerHigh - innerLow < LEAST_FULL) continue;
      edge(from, innerLow);
      writer.put({ start: innerLow, count: innerHigh - innerLow });
      from = innerHigh;
    }
    edge(from, high);
  }
}

/** The number of ascending values below one. */
function lowerBound(values: Int32Array, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}
