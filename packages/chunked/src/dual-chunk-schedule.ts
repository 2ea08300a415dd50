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
import { blocksOfRuns, chunkRuns } from "./chunk-rows.ts";
import { putCausal } from "./put-causal.ts";

/** Query operands, by how many cycles a key lies before the query. */
export const OWN = 0;
export const NEXT = 1;
export const FAR = 2;

/**
 * Causal tasks whose queries are those of the right operand. Blocks of rows end where cycles do:
 *
 * ```text
 *   FAR FAR FAR NEXT NEXT NEXT OWN
 *   FAR FAR FAR NEXT NEXT NEXT OWN OWN
 * ```
 */
export function dualChunkSchedule(shape: AttentionShape, at: Positions, cycle: number, pairTerms: boolean): Schedule {
  const positions = blockPositions(shape);
  const blocks = blocksOfRuns(chunkRuns(shape.queries, at, { length: cycle, shift: 0 }), positions);
  const lists = stackedLists(
    shape,
    stackedHeads(shape.heads, shape.kvHeads),
    ({ b }) => `${at.queryOffset[b]} ${at.keyLength[b]}`,
    ({ b }) => {
      const keys = at.keyLength[b]!;
      const writer = new TaskWriter();
      const put = (from: number, to: number, operand: number): void => {
        const start = Math.max(0, from);
        writer.put({ start, count: Math.min(to, keys) - start, operand, flags: pairTerms ? PARTIAL : 0 });
      };
      for (const block of blocks) {
        const first = block.start + at.queryOffset[b]!;
        const own = Math.floor(first / cycle) * cycle;
        writer.begin(block);
        put(0, own - cycle, FAR);
        put(own - cycle, own, NEXT);
        putCausal(writer, { first, last: first + block.count - 1 }, { from: own, to: keys, pairTerms });
      }
      return writer.list();
    },
  );
  const reaches = [{ ...UNBOUNDED, ahead: 0 }];
  return { ...lists, blockPositions: positions, reaches, masked: undefined, indices: NO_INDICES };
}
