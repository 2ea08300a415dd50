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
  type AttentionShape,
  type ExpectedSelection,
  type Positions,
  type SelectedBlocks,
  type SelectingCall,
  type Steps,
} from "@saccade/core/variants";
import { checkWhole } from "./checks.ts";
import { exactTopKBlocks } from "./exact-top-k-blocks.ts";
import { selectingTerms, type SelectingOptions } from "./selecting-options.ts";
import { topKInto } from "./top-k.ts";
import { emptyLists, recentBlocks, visibleEnd, type VisibleSizes } from "./visible-blocks.ts";

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
  const sizes = { blockSize, topK, causal: true };
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

function* select(
  { shape, q, positions }: Pick<SelectingCall<AttentionInputs>, "shape" | "q" | "positions">,
  means: Tensor,
  sizes: VisibleSizes,
): Steps<SelectedBlocks> {
  const { batch, heads, queries } = shape;
  const { blockSize, topK } = sizes;
  const lists = emptyLists(shape, positions, sizes);
  const most = pastOf(positions, queries - 1, blockSize);
  const rows = rowsAtOnce(batch * heads * most);
  for (let from = 0; from < queries; from += rows) {
    const to = Math.min(queries, from + rows);
    const blocks = pastOf(positions, to - 1, blockSize);
    const part = { ...q, offset: q.offset + from * q.strides.n, length: to - from };
    // Where everything is taken there is nothing to compare.
    const gates = blocks < topK ? NO_GATES : yield* scores({ q: part, k: { ...means, length: blocks } });
    for (let b = 0; b < batch; b++) {
      const place = { first: positions.queryOffset[b]!, keys: positions.keyLength[b]!, blockSize };
      for (let h = 0; h < heads; h++) {
        pick(lists[b * heads + h]!, gates, (b * heads + h) * (to - from) * blocks, blocks, { from, to, ...place });
        yield* breathe();
      }
    }
  }
  return { blockSize, queryBlock: 1, listOf: (b, h) => lists[b * heads + h]! };
}

const NO_GATES: Float32Array = new Float32Array(0);

/** The most blocks before the own one of query i, over the batch. */
function pastOf({ queryOffset, keyLength }: Positions, i: number, blockSize: number): number {
  let most = 0;
  queryOffset.forEach((first, b) => {
    const past = Math.min(Math.floor((i + first) / blockSize), Math.ceil(keyLength[b]! / blockSize));
    most = Math.max(most, past);
  });
  return most;
}

/** The choices of queries from..to - 1 of a head, by gates [to - from, blocks] from `at` on. */
function pick(
  { starts, keyBlocks }: BlockList,
  gates: Float32Array,
  at: number,
  blocks: number,
  {
    from,
    to,
    first,
    keys,
    blockSize,
  }: { readonly from: number; readonly to: number; readonly first: number; readonly keys: number } & Pick<
    VisibleSizes,
    "blockSize"
  >,
): void {
  const present = Math.ceil(keys / blockSize);
  for (let i = from; i < to; i++, at += blocks) {
    const place = starts[i]!;
    const count = starts[i + 1]! - place;
    const own = Math.floor((i + first) / blockSize);
    if (own >= present) {
      topKInto(gates, at, present, count, keyBlocks, place);
    } else if (count > 0) {
      topKInto(gates, at, own, count - 1, keyBlocks, place);
      keyBlocks[place + count - 1] = own;
    }
  }
}

/**
 * All but the own block are seen whole, so what is visible does not depend on the choice, unless a query behind the keys chooses among
 * blocks of which the last is short.
 */
function expected(shape: AttentionShape, at: Positions, sizes: VisibleSizes): ExpectedSelection {
  const { batch, heads, queries, headDim } = shape;
  const { blockSize, topK } = sizes;
  let [visible, gates] = [0, 0];
  let exact = true;
  for (let b = 0; b < batch; b++) {
    const keys = at.keyLength[b]!;
    for (let i = 0; i < queries; i++) {
      const position = i + at.queryOffset[b]!;
      const own = Math.floor(position / blockSize);
      const end = visibleEnd(at, b, i, true);
      const ownKeys = Math.max(0, end - own * blockSize);
      const rest = topK - (ownKeys > 0 ? 1 : 0);
      visible += ownKeys + Math.min(end - ownKeys, rest * blockSize);
      if (ownKeys === 0 && end > rest * blockSize && keys % blockSize !== 0) exact = false;
      gates += Math.ceil((end - ownKeys) / blockSize);
    }
  }
  const lists = (panel: AttentionShape, positions: Positions): SelectedBlocks => recentBlocks(panel, positions, sizes);
  return { visiblePairs: heads * visible, exact, scores: heads * gates, width: headDim, lists };
}
