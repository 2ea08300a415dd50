import { mask, type Mask } from "../expression/expression.ts";
import type { Visibility } from "../runtime/runtime.ts";
import { scheduleFromBlocks } from "../schedule/block-list-schedule.ts";
import type { BlockList, BlockListOf } from "../schedule/block-list.ts";
import { scheduleFromChoices } from "../schedule/choice-schedule.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { AttentionShape, Positions } from "../shape.ts";

/** Which blocks of keys queries selected. */
export interface SelectedBlocks {
  /** C: keys j C .. j C + C - 1 are block j, by index; 1 for single keys. */
  readonly blockSize: number;
  /** Queries that have a list together: queries i .. i + queryBlock - 1, by index; 1 where each has its own. */
  readonly queryBlock: number;
  /** The lists of a batch element and query head. Heads with the same object share their choice. */
  readonly listOf: BlockListOf;
}

const CAUSAL: Mask = /* @__PURE__ */ mask`k <= q`;

/** The schedule of selected blocks. `pairTerms`: a mask or bias may hide any pair. */
export function selectedSchedule(
  { blockSize, queryBlock, listOf }: SelectedBlocks,
  shape: AttentionShape,
  at: Positions,
  causal: boolean,
  pairTerms: boolean,
): Schedule {
  const shown = { mask: causal ? CAUSAL : undefined, pairTerms };
  return queryBlock === 1
    ? scheduleFromChoices(shape, at, { blockSize, choicesOf: listOf, ...shown })
    : scheduleFromBlocks(shape, at, { blockSize, queryBlock, listOf, ...shown });
}

/** What the queries of a call see where they see selected blocks only. */
export function selectedVisibility(
  { blockSize, queryBlock, listOf }: SelectedBlocks,
  { queryOffset }: Positions,
  { reach, mask: shown }: Visibility,
): Visibility {
  return {
    reach,
    mask: shown,
    listed(q, k, b, h) {
      const { starts, keyBlocks } = listOf(b, h);
      const list = Math.floor((q - queryOffset[b]!) / queryBlock);
      const block = Math.floor(k / blockSize);
      let [low, high] = [starts[list]!, starts[list + 1]!];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (keyBlocks[middle]! < block) low = middle + 1;
        else high = middle;
      }
      return low < starts[list + 1]! && keyBlocks[low] === block;
    },
  };
}

/** Pairs (query, key) of selected blocks that a query sees, over all batch elements and query heads. */
export function chosenPairs(
  { blockSize, queryBlock, listOf }: SelectedBlocks,
  { batch, heads, queries }: AttentionShape,
  { queryOffset, keyLength }: Positions,
  causal: boolean,
): number {
  let pairs = 0;
  for (let b = 0; b < batch; b++) {
    const counted = new Map<BlockList, number>();
    for (let h = 0; h < heads; h++) {
      const list = listOf(b, h);
      let count = counted.get(list);
      if (count === undefined) {
        const first = queryOffset[b]!;
        const endOf = (i: number): number => (causal ? Math.min(keyLength[b]!, first + i + 1) : keyLength[b]!);
        count = pairsOfList(list, queries, { blockSize, queryBlock, endOf });
        counted.set(list, count);
      }
      pairs += count;
    }
  }
  return pairs;
}

function pairsOfList(
  { starts, keyBlocks }: BlockList,
  queries: number,
  sizes: { readonly blockSize: number; readonly queryBlock: number; readonly endOf: (i: number) => number },
): number {
  const { blockSize, queryBlock, endOf } = sizes;
  let pairs = 0;
  for (let i = 0; i < queries; i++) {
    const list = Math.floor(i / queryBlock);
    const end = endOf(i);
    const first = starts[list]!;
    let entry = starts[list + 1]! - 1;
    while (entry >= first && keyBlocks[entry]! * blockSize >= end) entry--;
    if (entry < first) continue;
    // Only the last block may be seen in part.
    pairs += (entry - first) * blockSize + Math.min(blockSize, end - keyBlocks[entry]! * blockSize);
  }
  return pairs;
}
