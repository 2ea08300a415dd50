import { and, type Mask } from "@saccade/core";
import {
  bandOf,
  blockPositions,
  boundsOf,
  KeyRuns,
  NO_INDICES,
  stackedHeads,
  stackedLists,
  TaskWriter,
  tellsApart,
  type AttentionShape,
  type Positions,
  type Reach,
  type Schedule,
} from "@saccade/core/variants";
import type { Pattern } from "./pattern.ts";
import { rowBlocks } from "./row-blocks.ts";

/** Which blocks of keys a row of blocks of queries names. */
export interface BlockRowList {
  /** The blocks of a row, from 0 on, ascending, those from `columns` on left out or not. */
  readonly rowOf: (row: number, columns: number) => Int32Array;
  /** Whether a row, from 1 on, names the blocks of the row before it. */
  readonly repeats: (row: number) => boolean;
  /** Whether a row, from 0 on, names a block: the definition. */
  readonly names: (row: number, block: number) => boolean;
}

export interface ListPatternOptions {
  readonly name: string;
  /** C */
  readonly blockSize: number;
  /** The list of a batch element and query head. Heads with the same object share their schedule, and in a group their rows. */
  readonly listOf: (b: number, h: number) => BlockRowList;
  /** Checks a call of that shape whose queries stand in blocks below `rows`. */
  readonly check?: (shape: AttentionShape, rows: number) => void;
  /** Which pairs of the listed blocks are visible. */
  readonly shown: Mask;
}

/**
 * The pairs inside listed blocks: query p and key k where the list's row floor(p / C) names floor(k / C). Queries before position 0 are in no
 * row, and see nothing.
 */
export function listPattern({ name, blockSize, listOf, check, shown }: ListPatternOptions): Pattern {
  const { ahead, back, rest } = bandOf(shown);
  const list: ListScheduleOptions = { blockSize, listOf, shown: rest, reach: { ahead, back } };
  return {
    name,
    visibility: {
      reach: list.reach,
      mask: rest,
      listed: (q, k, b, h) => q >= 0 && listOf(b, h).names(Math.floor(q / blockSize), Math.floor(k / blockSize)),
    },
    schedule: (shape, at, pairTerms) => {
      check?.(shape, rowsOf(shape, at, blockSize));
      return listSchedule(shape, at, list, pairTerms);
    },
  };
}

const EVERYTHING: Mask = /* @__PURE__ */ and();

interface ListScheduleOptions extends Pick<ListPatternOptions, "blockSize" | "listOf"> {
  readonly shown: Mask | undefined;
  readonly reach: Reach;
}

/** Rows of blocks that hold the positions of a call. */
function rowsOf({ queries }: AttentionShape, { queryOffset }: Positions, blockSize: number): number {
  const last = queries === 0 ? -1 : Math.max(-1, ...queryOffset.map((offset) => offset + queries - 1));
  return Math.floor(last / blockSize) + 1;
}

/** For a block of queries its blocks of keys: neighbours are one task, and a mask is looked at only where its bounds leave something open. */
function listSchedule(
  shape: AttentionShape,
  at: Positions,
  { blockSize, listOf, shown, reach }: ListScheduleOptions,
  pairTerms: boolean,
): Schedule {
  const stack = stackOf(shape, listOf);
  const positions = blockPositions(stack === 1 ? { ...shape, kvHeads: shape.heads } : shape);
  // Rows that name the same blocks are one, as large as a unit may be.
  const lists = distinctLists(shape, listOf);
  const repeated = (row: number): boolean => row > 0 && lists.every((list) => list.repeats(row));
  const blocks = rowBlocks(shape.queries, at, { blockSize, most: positions, repeated });
  const apart = shown === undefined ? { batch: false, heads: false } : tellsApart(shown);
  const found = new KeyRuns(boundsOf(shown ?? EVERYTHING), reach, pairTerms);
  const numbers = new Map<BlockRowList, number>();
  const made = stackedLists(
    shape,
    stack,
    ({ b, h0 }) => {
      const list = listOf(b, h0);
      if (!numbers.has(list)) numbers.set(list, numbers.size);
      const places = [at.queryOffset[b], at.keyLength[b], numbers.get(list)];
      return [...places, apart.batch && b, apart.heads && h0].join();
    },
    ({ b, h0, h1 }) => {
      const list = listOf(b, h0);
      const columns = Math.ceil(at.keyLength[b]! / blockSize);
      const writer = new TaskWriter();
      for (const block of blocks) {
        writer.begin(block);
        const first = block.start + at.queryOffset[b]!;
        if (first < 0) continue;
        found.begin({ first, last: first + block.count - 1, b, h0, h1, keys: at.keyLength[b]! });
        const named = list.rowOf(Math.floor(first / blockSize), columns);
        for (let entry = 0; entry < named.length; entry++) {
          const from = named[entry]!;
          // Neighbours are asked about together.
          while (entry + 1 < named.length && named[entry + 1] === named[entry]! + 1) entry++;
          found.add(from * blockSize, (named[entry]! + 1) * blockSize);
        }
        for (let run = 0; run < found.runs.length; run += 3) {
          const start = found.runs[run]!;
          writer.put({ start, count: found.runs[run + 1]! - start, flags: found.runs[run + 2] });
        }
      }
      return writer.list();
    },
  );
  return { ...made, blockPositions: positions, reaches: [reach], masked: shown, indices: NO_INDICES };
}

function distinctLists({ batch, heads }: AttentionShape, listOf: ListPatternOptions["listOf"]): BlockRowList[] {
  const lists = new Set<BlockRowList>();
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) lists.add(listOf(b, h));
  }
  return [...lists];
}

/** Heads of a group stack where they all have the same list. */
function stackOf({ batch, heads, kvHeads }: AttentionShape, listOf: ListPatternOptions["listOf"]): number {
  const group = heads / kvHeads;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      if (listOf(b, h) !== listOf(b, h - (h % group))) return 1;
    }
  }
  return stackedHeads(heads, kvHeads);
}
