import {
  blockPositions,
  MASKED,
  NO_INDICES,
  PARTIAL,
  stackedHeads,
  stackedLists,
  TaskWriter,
  type Reach,
  type Schedule,
} from "@saccade/core/variants";
import { FEW_QUERIES, gatheredPositions } from "./gathered-rows.ts";
import { termsMask, type MaskTerms } from "./mask-terms.ts";
import type { Pattern } from "./pattern.ts";

/** Every l-th key before the query, with its own; and the l keys before it. */
export interface StridedParts {
  /** l */
  readonly stride: number;
  /** Whether the last l keys are visible, too. */
  readonly local: boolean;
}

/** Of `reaches`. */
const CAUSAL = 0;
const LOCAL = 1;

/**
 * The tasks of strided attention. The keys within a distance below l are a band; those from there on are every l-th of the query's residue
 * class, and queries of one class, l apart, meet them together. So the rows of a block are gathered, for the band in runs, for the others
 * by class:
 *
 * ```text
 *   # . . # . . # . .       l = 3: row 0 of this block and row 3 meet keys 0, 3, 6
 *   . # . . # . . # .
 *   . . # . . # . . #
 *   # . . # . . # . . #
 * ```
 */
export function stridedSchedule({ stride, local }: StridedParts): Pick<Pattern, "schedule" | "terms"> {
  const terms: MaskTerms | undefined = local ? { from: stride } : undefined;
  const masked = terms && termsMask(terms);
  const reaches: readonly Reach[] = [
    { ahead: 0, back: Infinity },
    { ahead: 0, back: stride - 1 },
  ];
  /** Distance of the nearest key that is not part of the band. */
  const nearest = local ? stride : 0;
  const schedule: Pattern["schedule"] = (shape, at, pairTerms): Schedule => {
    const stack = stackedHeads(shape.heads, shape.kvHeads);
    const gathered = shape.queries > FEW_QUERIES;
    const positions = gathered ? gatheredPositions(shape, stack) : 1;
    const bandRows = Math.min(positions, blockPositions(shape));
    const lists = stackedLists(
      shape,
      stack,
      ({ b }) => `${at.queryOffset[b]} ${at.keyLength[b]}`,
      ({ b }) => {
        const offset = at.queryOffset[b]!;
        const keys = at.keyLength[b]!;
        const writer = new TaskWriter();
        for (let row = 0; row < shape.queries; row += positions) {
          const end = Math.min(shape.queries, row + positions);
          writer.begin({ start: row, count: end - row }, gathered);
          for (let start = row; start < Math.min(end, row + stride); start++) {
            const count = Math.ceil((end - start) / stride);
            putClass(start, count, start + offset, keys);
          }
          if (!local) continue;
          for (let start = row; start < end; start += bandRows) {
            const count = Math.min(bandRows, end - start);
            putBand(start, count, start + offset, keys);
          }
        }
        return writer.list();

        /** Rows of one class, the first of them at position `first`. */
        function putClass(start: number, count: number, first: number, length: number): void {
          const rows = gathered ? { start, count, stride } : undefined;
          const residue = first - Math.floor(first / stride) * stride;
          const upTo = (key: number): number =>
            Math.max(0, Math.floor((Math.min(key, length - 1) - residue) / stride) + 1);
          const seen = pairTerms ? 0 : upTo(first - nearest);
          const all = upTo(first + (count - 1) * stride - nearest);
          writer.put({ start: residue, count: seen, stride }, rows);
          const flags = local ? PARTIAL | MASKED : PARTIAL;
          writer.put({ start: residue + seen * stride, count: all - seen, stride, flags, reach: CAUSAL }, rows);
        }

        function putBand(start: number, count: number, first: number, length: number): void {
          const low = Math.max(0, first - stride + 1);
          const high = Math.min(length, first + count);
          writer.put(
            { start: low, count: high - low, flags: PARTIAL, reach: LOCAL },
            gathered ? { start, count } : undefined,
          );
        }
      },
    );
    return { ...lists, blockPositions: positions, reaches, masked, indices: NO_INDICES, gathered };
  };
  return { schedule, terms };
}
