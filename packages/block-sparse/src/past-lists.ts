import type { BlockList } from "@saccade/core";
import {
  breathe,
  rowsAtOnce,
  scores,
  type AttentionShape,
  type ExpectedSelection,
  type PairScoreInputs,
  type Positions,
  type SelectedBlocks,
  type Steps,
} from "@saccade/core/variants";
import { topKInto } from "./top-k.ts";
import { emptyLists, recentBlocks, visibleEnd, type VisibleSizes } from "./visible-blocks.ts";

/** What every query takes: its own block, and so many of those before it that there are `topK`. */
export interface PastSizes extends VisibleSizes {
  /** Heads of a batch element that choose: H, or G where the query heads of a key head share a choice. */
  readonly choosers: "heads" | "kvHeads";
}

/** Scores of queries [from, to) against the first `blocks` blocks of keys. */
export type BlockScores = (from: number, to: number, blocks: number) => PairScoreInputs;

/**
 * Every query's own block, and of those before it the ones with the largest scores.
 *
 * @param rowFloats numbers that scoring a query takes beside its scores.
 */
export function* selectPast(
  { shape, positions }: { readonly shape: AttentionShape; readonly positions: Positions },
  sizes: PastSizes,
  scoresOf: BlockScores,
  rowFloats: number,
): Steps<SelectedBlocks> {
  const { batch, queries } = shape;
  const { blockSize, topK } = sizes;
  const choosers = shape[sizes.choosers];
  const lists = emptyLists({ ...shape, heads: choosers }, positions, sizes);
  const rows = rowsAtOnce(Math.max(batch * choosers * pastOf(positions, queries - 1, blockSize), rowFloats));
  for (let from = 0; from < queries; from += rows) {
    const to = Math.min(queries, from + rows);
    const blocks = pastOf(positions, to - 1, blockSize);
    // Where everything is taken there is nothing to compare.
    const found = blocks < topK ? NOTHING : yield* scores(scoresOf(from, to, blocks));
    for (let list = 0; list < lists.length; list++) {
      const b = Math.floor(list / choosers);
      const place = { first: positions.queryOffset[b]!, keys: positions.keyLength[b]!, blockSize };
      pick(lists[list]!, found, list * (to - from) * blocks, blocks, { from, to, ...place });
      yield* breathe();
    }
  }
  return selectedOf(lists, shape, sizes);
}

const NOTHING: Float32Array = /* @__PURE__ */ new Float32Array(0);

/** The most blocks before the own one of query i, over the batch. */
function pastOf({ queryOffset, keyLength }: Positions, i: number, blockSize: number): number {
  let most = 0;
  queryOffset.forEach((first, b) => {
    const past = Math.min(Math.floor((i + first) / blockSize), Math.ceil(keyLength[b]! / blockSize));
    most = Math.max(most, past);
  });
  return most;
}

interface PickedRows {
  readonly from: number;
  readonly to: number;
  /** Position of query 0. */
  readonly first: number;
  readonly keys: number;
  readonly blockSize: number;
}

/** The choices of queries from..to - 1 of a chooser, by scores [to - from, blocks] from `at` on. */
function pick(
  { starts, keyBlocks }: BlockList,
  found: Float32Array,
  at: number,
  blocks: number,
  { from, to, first, keys, blockSize }: PickedRows,
): void {
  const present = Math.ceil(keys / blockSize);
  for (let i = from; i < to; i++, at += blocks) {
    const place = starts[i]!;
    const count = starts[i + 1]! - place;
    const own = Math.floor((i + first) / blockSize);
    if (own >= present) {
      topKInto(found, at, present, count, keyBlocks, place);
    } else if (count > 0) {
      topKInto(found, at, own, count - 1, keyBlocks, place);
      keyBlocks[place + count - 1] = own;
    }
  }
}

/** Lists of choosers as those of query heads. */
export function selectedOf(
  lists: readonly BlockList[],
  shape: AttentionShape,
  { blockSize, choosers }: Pick<PastSizes, "blockSize" | "choosers">,
): SelectedBlocks {
  const count = shape[choosers];
  const group = shape.heads / count;
  return { blockSize, queryBlock: 1, listOf: (b, h) => lists[b * count + Math.floor(h / group)]! };
}

/**
 * All but the own block are seen whole, so what is visible does not depend on the choice, unless a query behind the keys chooses among
 * blocks of which the last is short.
 */
export function expectedOfPast(
  shape: AttentionShape,
  at: Positions,
  sizes: PastSizes,
): Omit<ExpectedSelection, "width"> {
  const { batch, heads, queries } = shape;
  const { blockSize, topK } = sizes;
  let [visible, found] = [0, 0];
  let exact = true;
  for (let b = 0; b < batch; b++) {
    const keys = at.keyLength[b]!;
    for (let i = 0; i < queries; i++) {
      const own = Math.floor((i + at.queryOffset[b]!) / blockSize);
      const end = visibleEnd(at, b, i, true);
      const ownKeys = Math.max(0, end - own * blockSize);
      const rest = topK - (ownKeys > 0 ? 1 : 0);
      visible += ownKeys + Math.min(end - ownKeys, rest * blockSize);
      if (ownKeys === 0 && end > rest * blockSize && keys % blockSize !== 0) exact = false;
      found += Math.ceil((end - ownKeys) / blockSize);
    }
  }
  const lists = (panel: AttentionShape, positions: Positions): SelectedBlocks => {
    const choosers = panel[sizes.choosers];
    const recent = recentBlocks({ ...panel, heads: choosers }, positions, sizes);
    const all = Array.from({ length: panel.batch * choosers }, (_, i) =>
      recent.listOf(Math.floor(i / choosers), i % choosers),
    );
    return selectedOf(all, panel, sizes);
  };
  return { visiblePairs: heads * visible, exact, scores: heads * found, lists };
}
