import type { AttentionInputs, SelectedAttention, Tensor } from "@saccade/core";
import {
  keepBlocks,
  meanOfKeys,
  selectedAttention,
  summariseBlocks,
  summaryFloats,
  type SelectingCall,
} from "@saccade/core/variants";
import { checkWhole } from "./checks.ts";
import { exactTopKBlocks } from "./exact-top-k-blocks.ts";
import { expectedOfPast, selectPast, type BlockScores, type PastSizes } from "./past-lists.ts";
import { selectingTerms, type SelectingOptions } from "./selecting-options.ts";

export interface TopKBlocksOptions extends SelectingOptions {
  /** C: keys of a block. */
  readonly blockSize: number;
  /** Blocks that a query attends to, its own included. */
  readonly topK: number;
}

/** Queries whose lists exist at a time: two blocks of gathered rows for every head. */
const PANEL = 16_384;

/**
 * Causal attention whose queries each choose their blocks of keys, as in MoBA (Lu et al. 2025): a query at position p in block
 * o = floor(p / C) attends to the keys up to its own in block o, and to all keys of the topK - 1 blocks before it with the largest
 *
 * ```text
 *   gate(q, block j) = q . mean(K of block j)        f32, not scaled
 * ```
 *
 * Of equal gates the lower block wins. With topK >= ceil(M / C) this is dense causal attention. Query heads of a group choose each for
 * itself. A mask or a bias hides pairs of chosen blocks; it does not change the choice.
 *
 * Choosing costs M D for the means and 2 D for every query, head and block before it: 1 / C of dense attention's products. For a panel
 * of 16384 queries index lists take 4 topK bytes a query and head.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = topKBlocks({ blockSize: 512, topK: 4 });
 * const { out, selectedMass } = await attend.forward({ q, k, v }, { selectedMass: true });
 */
export function topKBlocks(options: TopKBlocksOptions): SelectedAttention {
  const blockSize = checkWhole("topKBlocks: blockSize", options.blockSize, 1);
  const topK = checkWhole("topKBlocks: topK", options.topK, 1);
  const sizes: PastSizes = { blockSize, topK, causal: true, choosers: "heads" };
  return selectedAttention<AttentionInputs, Tensor>({
    name: "topKBlocks",
    selection: "per-query",
    selects: "N x M / C",
    causal: true,
    ...selectingTerms("topKBlocks", options),
    panel: PANEL,
    summarise: (call) => summariseBlocks(call, blockSize, meanOfKeys),
    select: (panel, means) => selectPast(panel, sizes, gatesOf(panel, means), 1),
    selectExactly: (call) => exactTopKBlocks(call, sizes),
    expected: (shape, at) => ({ ...expectedOfPast(shape, at, sizes), width: shape.headDim }),
    keep: (_where, kept) => keepBlocks(kept, blockSize, meanOfKeys),
    summaryBytes: (kept) => 4 * summaryFloats({ ...kept, blockSize }, meanOfKeys),
  });
}

function gatesOf({ q }: SelectingCall<AttentionInputs>, means: Tensor): BlockScores {
  return (from, to, blocks) => ({
    q: { ...q, offset: q.offset + from * q.strides.n, length: to - from },
    k: { ...means, length: blocks },
  });
}
