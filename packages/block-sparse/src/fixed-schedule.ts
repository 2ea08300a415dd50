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
  type SoftmaxVariant,
} from "@saccade/core/variants";
import { rowBlocks } from "./row-blocks.ts";

export interface FixedParts {
  /** l */
  readonly stride: number;
  /** c */
  readonly summary: number;
  /** What a query sees of its own stretch, where it sees that; otherwise it sees summaries only. */
  readonly own: Reach | undefined;
  /** What is visible besides being causal. */
  readonly shown: Mask;
}

/** Rows of a block that packing a key costs as much as, when blocks are compared. */
const PACKING_ROWS = 48;
/** Longer than any sequence. */
const ANY: number = 2 ** 30;
/** Of `reaches`. */
const CAUSAL = 0;
const OWN = 1;

/**
 * The tasks of the fixed pattern: for a block of queries the summaries before its first stretch, named one by one, and then its own stretch,
 * or all keys from its first stretch to its last.
 *
 * ```text
 *   ..##..##|#
 *   ..##..##|##      l = 4, c = 2: blocks that are one stretch
 *   ..##..##|###
 *   ..##..##|####
 * ```
 */
export function fixedSchedule({ stride, summary, own, shown }: FixedParts): SoftmaxVariant["schedule"] {
  return (shape, at, pairTerms): Schedule => {
    const stack = stackedHeads(shape.heads, shape.kvHeads);
    const columns = summaries(shape.keys, stride, summary);
    const blocks = blocksOf(shape, at, { stride, stack, columns: columns.length, own: own !== undefined });
    const lists = stackedLists(
      shape,
      stack,
      ({ b }) => `${at.queryOffset[b]} ${at.keyLength[b]}`,
      ({ b }) => {
        const writer = new TaskWriter();
        for (const block of blocks) {
          writer.begin(block);
          const first = block.start + at.queryOffset[b]!;
          const last = first + block.count - 1;
          const end = Math.max(0, Math.min(at.keyLength[b]!, last + 1));
          const start = Math.floor(first / stride) * stride;
          // Summaries before a key, which may be no more than there are.
          const before = (key: number): number => countBefore(Math.min(Math.max(key, 0), end), stride, summary);
          const seen = before(own === undefined ? first + 1 : start);
          const split = pairTerms ? 0 : seen;
          putColumns(0, split, 0);
          if (own === undefined) {
            putColumns(split, before(end), PARTIAL);
            continue;
          }
          putColumns(split, seen, PARTIAL);
          const from = Math.max(0, start);
          const alone = last < start + stride;
          writer.put({
            start: from,
            count: end - from,
            flags: alone ? PARTIAL : PARTIAL | MASKED,
            reach: alone ? OWN : CAUSAL,
          });
        }
        return writer.list();

        function putColumns(from: number, to: number, flags: number): void {
          if (to > from) writer.put({ start: columns[from]!, count: to - from, index: from, flags, reach: CAUSAL });
        }
      },
    );
    const reaches: Reach[] = [{ ahead: 0, back: Infinity }, ...(own === undefined ? [] : [own])];
    const blockRows = Math.max(...blocks.map(({ count }) => count), 1);
    return { ...lists, blockPositions: blockRows, reaches, masked: shown, indices: columns };
  };
}

/** Keys of summaries below a key. */
function countBefore(key: number, stride: number, summary: number): number {
  const stretch = Math.floor(key / stride);
  return stretch * summary + Math.max(0, key - stretch * stride - (stride - summary));
}

function summaries(keys: number, stride: number, summary: number): Int32Array {
  const columns = new Int32Array(countBefore(keys, stride, summary));
  for (let i = 0; i < columns.length; i++) {
    columns[i] = Math.floor(i / summary) * stride + stride - summary + (i % summary);
  }
  return columns;
}

/**
 * Blocks that end where stretches do visit nothing in vain, but pack the summaries for fewer rows each where stretches are short: what has
 * less work.
 *
 * @param columns summaries that the last query sees.
 * @param own whether queries see their own stretch.
 */
function blocksOf(
  shape: AttentionShape,
  at: Positions,
  {
    stride,
    stack,
    columns,
    own,
  }: { readonly stride: number; readonly stack: number; readonly columns: number; readonly own: boolean },
): BlockRows[] {
  const whole = blockPositions(shape);
  if (!own) return rowBlocks(shape.queries, at, { blockSize: ANY, most: whole });
  const cost = (rows: number, stretches: number): number =>
    (columns / 2 + stretches) * (1 + PACKING_ROWS / (rows * stack));
  const apart = cost(Math.min(stride, whole), stride);
  const together = cost(whole, stride + whole);
  return rowBlocks(shape.queries, at, { blockSize: apart <= together ? stride : ANY, most: whole });
}
