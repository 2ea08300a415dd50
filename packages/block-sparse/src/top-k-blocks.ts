import type { AttentionInputs, BlockList, SelectedAttention, Tensor } from "@saccade/core";
import {
  breathe,
  keepBlocks,
  meanOfKeys,
  rowsAtOnce,
  scores,
  selectedAttention,
  summariseBlocks,
  summaryFloats,
  type ExpectedSelection,
  type SelectedBlocks,
  type SelectingCall,
  type Steps,
} from "@saccade/core/variants";
import { checkWhole } from "./checks.ts";
import { exactTopKBlocks } from "./exact-top-k-blocks.ts";
import { pastBlocks, startsOfPast } from "./past-blocks.ts";
import { selectingTerms, type SelectingOptions } from "./selecting-options.ts";
import { topK as indicesOfTopK } from "./top-k.ts";

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
  const sizes = { blockSize, topK };
  return selectedAttention<AttentionInputs, Tensor>({
    name: "topKBlocks",
    selection: "per-query",
    selects: "N x M / C",
    causal: true,
    ...selectingTerms("topKBlocks", options),
    panel: PANEL,
    summarise: (call) => summariseBlocks(call, blockSize, meanOfKeys),
    select: (panel, means) => select(panel, means, sizes),
    selectExactly: (call) => exactTopKBlocks(call, sizes),
    expected: (shape, at) => expected(shape, at, sizes),
    keep: (_where, kept) => keepBlocks(kept, blockSize, meanOfKeys),
    summaryBytes: (kept) => 4 * summaryFloats({ ...kept, blockSize }, meanOfKeys),
  });
}

interface Sizes {
  readonly blockSize: number;
  readonly topK: number;
}

function* select(
  { shape, q, positions }: Pick<SelectingCall<AttentionInputs>, "shape" | "q" | "positions">,
  means: Tensor,
  sizes: Sizes,
): Steps<SelectedBlocks> {
  const { batch, heads, queries } = shape;
  const { blockSize, topK } = sizes;
  const lists = emptyLists(shape, positions, sizes);
  let most = 0;
  for (let b = 0; b < batch; b++) {
    most = Math.max(most, pastBlocks(positions.queryOffset[b]! + queries - 1, positions.keyLength[b]!, blockSize).past);
  }
  const rows = rowsAtOnce(batch * heads * most);
  for (let from = 0; from < queries; from += rows) {
    const to = Math.min(queries, from + rows);
    const past = (b: number, i: number) =>
      pastBlocks(i + positions.queryOffset[b]!, positions.keyLength[b]!, blockSize);
    let blocks = 0;
    for (let b = 0; b < batch; b++) blocks = Math.max(blocks, past(b, to - 1).past);
    const part = { ...q, offset: q.offset + from * q.strides.n, length: to - from };
    // Where everything is taken there is nothing to compare.
    const gates = blocks < topK ? new Float32Array(0) : yield* scores({ q: part, k: { ...means, length: blocks } });
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        const { starts, keyBlocks } = lists[b * heads + h]!;
        let at = (b * heads + h) * (to - from) * blocks;
        for (let i = from; i < to; i++, at += blocks) {
          const { past: before, own } = past(b, i);
          const place = starts[i]!;
          const count = starts[i + 1]! - place;
          const picked = own < 0 ? count : count - 1;
          indicesOfTopK(gates, at, before, picked, keyBlocks, place);
          if (own >= 0) keyBlocks[place + picked] = own;
        }
        yield* breathe();
      }
    }
  }
  return { blockSize, queryBlock: 1, listOf: (b, h) => lists[b * heads + h]! };
}

function emptyLists(
  { batch, heads, queries }: SelectingCall<AttentionInputs>["shape"],
  positions: SelectingCall<AttentionInputs>["positions"],
  sizes: Sizes,
): BlockList[] {
  const lists: BlockList[] = [];
  for (let b = 0; b < batch; b++) {
    const starts = startsOfPast({ queries }, positions, b, sizes);
    for (let h = 0; h < heads; h++) lists.push({ starts, keyBlocks: new Int32Array(starts[queries]!) });
  }
  return lists;
}

/** All but the own block are seen whole, so what is visible does not depend on the choice unless the last block is short. */
function expected(
  shape: SelectingCall<AttentionInputs>["shape"],
  at: SelectingCall<AttentionInputs>["positions"],
  sizes: Sizes,
): ExpectedSelection {
  const { batch, heads, queries, headDim } = shape;
  const { blockSize, topK } = sizes;
  let [visible, gates] = [0, 0];
  let exact = true;
  for (let b = 0; b < batch; b++) {
    const keys = at.keyLength[b]!;
    for (let i = 0; i < queries; i++) {
      const position = i + at.queryOffset[b]!;
      const { past, own } = pastBlocks(position, keys, blockSize);
      const picked = Math.min(past, own < 0 ? topK : topK - 1);
      const ownKeys = own < 0 ? 0 : Math.min(keys, position + 1) - own * blockSize;
      if (picked === past) visible += Math.min(keys, past * blockSize) + ownKeys;
      else visible += picked * blockSize + ownKeys;
      // The last block may be a past one only behind the keys.
      if (picked < past && own < 0 && keys % blockSize !== 0) exact = false;
      gates += past;
    }
  }
  return {
    visiblePairs: heads * visible,
    exact,
    scores: heads * gates,
    width: headDim,
    lists: (panel, positions) => recent(panel, positions, sizes),
  };
}

/** Lists of the last blocks before every query's own. */
function recent(
  panel: SelectingCall<AttentionInputs>["shape"],
  at: SelectingCall<AttentionInputs>["positions"],
  sizes: Sizes,
): SelectedBlocks {
  const { heads, queries } = panel;
  const lists = emptyLists(panel, at, sizes);
  lists.forEach(({ starts, keyBlocks }, index) => {
    const b = Math.floor(index / heads);
    for (let i = 0; i < queries; i++) {
      const { past, own } = pastBlocks(i + at.queryOffset[b]!, at.keyLength[b]!, sizes.blockSize);
      const last = own < 0 ? past - 1 : own;
      for (let entry = starts[i]!, end = starts[i + 1]!; entry < end; entry++)
        keyBlocks[entry] = last - (end - 1 - entry);
    }
  });
  return { blockSize: sizes.blockSize, queryBlock: 1, listOf: (b, h) => lists[b * heads + h]! };
}
