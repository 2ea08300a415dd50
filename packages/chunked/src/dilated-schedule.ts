import {
  blockPositions,
  NO_INDICES,
  PARTIAL,
  stackedHeads,
  stackedLists,
  TaskWriter,
  UNBOUNDED,
  type AttentionShape,
  type Positions,
  type Schedule,
} from "@saccade/core/variants";
import { chunkRuns, modulo } from "./chunk-rows.ts";

/** One branch: segments of w positions, of which every r-th takes part. */
export interface DilatedBranch {
  /** w */
  readonly segment: number;
  /** r */
  readonly dilation: number;
}

/**
 * The tasks of one branch. The rows of a block are every r-th of a segment, and so are their keys, so that among them attention is causal
 * attention; rows that do not take part for a head have no keys.
 *
 * ```text
 *   segments of 6, r = 2, a head with h % 2 = 0        a head with h % 2 = 1
 *   #.....                                             ......
 *   ......                                             .#....
 *   #.#...                                             ......
 *   ......                                             .#.#..
 * ```
 */
export function dilatedSchedule(
  shape: AttentionShape,
  at: Positions,
  { segment, dilation }: DilatedBranch,
  pairTerms: boolean,
): Schedule {
  // Heads that take other tokens cannot share tiles.
  const stack = dilation === 1 ? stackedHeads(shape.heads, shape.kvHeads) : 1;
  const positions = blockPositions({ ...shape, kvHeads: stack === 1 ? shape.heads : shape.kvHeads });
  const runs = chunkRuns(shape.queries, at, { length: segment, shift: 0 });
  const lists = stackedLists(
    shape,
    stack,
    ({ b, h0 }) => `${at.queryOffset[b]} ${at.keyLength[b]} ${h0 % dilation}`,
    ({ b, h0 }) => {
      const writer = new TaskWriter();
      for (const { start, count } of residueBlocks(runs, dilation, positions)) {
        writer.begin({ start, count, stride: dilation });
        const first = start + at.queryOffset[b]!;
        const into = modulo(first, segment);
        if (into % dilation !== h0 % dilation) continue;
        putSegment(
          writer,
          { from: first - into + (h0 % dilation), first, count },
          at.keyLength[b]!,
          dilation,
          pairTerms,
        );
      }
      return writer.list();
    },
  );
  const reaches = [{ ...UNBOUNDED, ahead: 0 }];
  return { ...lists, blockPositions: positions, reaches, masked: undefined, indices: NO_INDICES };
}

/** Blocks of every r-th row of a run, one residue after the other. */
function* residueBlocks(
  runs: readonly number[],
  dilation: number,
  most: number,
): Iterable<{ start: number; count: number }> {
  for (let run = 0; run + 1 < runs.length; run++) {
    const [from, to] = [runs[run]!, runs[run + 1]!];
    for (let first = from; first < Math.min(to, from + dilation); first++) {
      const rows = Math.ceil((to - first) / dilation);
      const size = Math.ceil(rows / Math.ceil(rows / most));
      for (let row = 0; row < rows; row += size) {
        yield { start: first + row * dilation, count: Math.min(size, rows - row) };
      }
    }
  }
}

/** Rows at first, first + r, ... against keys from, from + r, ... up to their own. */
function putSegment(
  writer: TaskWriter,
  { from, first, count }: { readonly from: number; readonly first: number; readonly count: number },
  keyLength: number,
  stride: number,
  pairTerms: boolean,
): void {
  // A segment that begins before the text has its first keys nowhere.
  const start = from < 0 ? modulo(from, stride) : from;
  const end = Math.min(keyLength, first + (count - 1) * stride + 1);
  const keys = Math.max(0, Math.ceil((end - start) / stride));
  const full = pairTerms ? 0 : Math.min(keys, Math.max(0, Math.floor((first - start) / stride) + 1));
  writer.put({ start, count: full, stride });
  writer.put({ start: start + full * stride, count: keys - full, stride, flags: PARTIAL });
}
