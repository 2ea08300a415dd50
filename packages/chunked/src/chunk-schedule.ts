import {
  bandSchedule,
  blockPositions,
  reachStart,
  NO_INDICES,
  stackedHeads,
  stackedLists,
  TaskWriter,
  type AttentionShape,
  type Positions,
  type Reach,
  type Schedule,
} from "@saccade/core/variants";
import { blocksOfRuns, chunkRuns } from "./chunk-rows.ts";
import { putCausal } from "./put-causal.ts";

/** A causal reach that begins with a chunk, or some keys before it. */
export type ChunkReach = Reach & { readonly ahead: 0; readonly chunk: NonNullable<Reach["chunk"]> };

/** Keys from the query's own chunk on, and `behind` before it. */
export function chunkReach(length: number, shift: number, behind: number): ChunkReach {
  return { ahead: 0, back: Infinity, chunk: { length, shift, behind } };
}

/**
 * The tasks of attention inside chunks. Blocks of rows end where chunks do, so that all rows of a block see the same first key:
 *
 * ```text
 *   ####.            full up to the block's own positions | causal
 *   #####
 *        #
 *        ##
 * ```
 *
 * Chunks shorter than a block stand in it together, as a band: blocks of their own would be too small to be fast.
 */
export function chunkSchedule(shape: AttentionShape, at: Positions, reach: ChunkReach, pairTerms: boolean): Schedule {
  const positions = blockPositions(shape);
  if (reach.chunk.length < positions) return bandSchedule(shape, at, reach, pairTerms);
  const blocks = blocksOfRuns(chunkRuns(shape.queries, at, reach.chunk), positions);
  const lists = stackedLists(
    shape,
    stackedHeads(shape.heads, shape.kvHeads),
    ({ b }) => `${at.queryOffset[b]} ${at.keyLength[b]}`,
    ({ b }) => {
      const writer = new TaskWriter();
      for (const block of blocks) {
        const first = block.start + at.queryOffset[b]!;
        writer.begin(block);
        const last = first + block.count - 1;
        putCausal(writer, { first, last }, { from: reachStart(reach, first), to: at.keyLength[b]!, pairTerms });
      }
      return writer.list();
    },
  );
  return { ...lists, blockPositions: positions, reaches: [reach], masked: undefined, indices: NO_INDICES };
}
