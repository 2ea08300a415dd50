import type { BlockList } from "@saccade/core";
import type { AttentionShape, ExpectedSelection, Positions, SelectedBlocks } from "@saccade/core/variants";

/** How many blocks of keys a query takes, of those it sees. */
export interface VisibleSizes {
  readonly blockSize: number;
  readonly topK: number;
  readonly causal: boolean;
}

/** One past the last key that query i, by index, sees. */
export function visibleEnd({ queryOffset, keyLength }: Positions, b: number, i: number, causal: boolean): number {
  return causal ? Math.max(0, Math.min(keyLength[b]!, i + queryOffset[b]! + 1)) : keyLength[b]!;
}

/** Lists [B x H] with room for topK blocks of every query, or for as many as it sees. Heads share where they begin. */
export function emptyLists({ batch, heads, queries }: AttentionShape, at: Positions, sizes: VisibleSizes): BlockList[] {
  const lists: BlockList[] = [];
  for (let b = 0; b < batch; b++) {
    const starts = startsOf(queries, at, b, sizes);
    for (let h = 0; h < heads; h++) lists.push({ starts, keyBlocks: new Int32Array(starts[queries]!) });
  }
  return lists;
}

/** Where the lists of a batch element's queries begin. */
export function startsOf(
  queries: number,
  at: Positions,
  b: number,
  { blockSize, topK, causal }: VisibleSizes,
): Int32Array {
  const starts = new Int32Array(queries + 1);
  for (let i = 0; i < queries; i++) {
    starts[i + 1] = starts[i]! + Math.min(topK, Math.ceil(visibleEnd(at, b, i, causal) / blockSize));
  }
  return starts;
}

/** What topK of the visible blocks come to: at most that many pairs, and no fewer where all are taken or all are whole. */
export function expectedOfTopK(
  shape: AttentionShape,
  at: Positions,
  sizes: VisibleSizes,
): Pick<ExpectedSelection, "visiblePairs" | "exact" | "lists"> {
  const { batch, heads, queries } = shape;
  const { blockSize, topK, causal } = sizes;
  let visible = 0;
  let exact = true;
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < queries; i++) {
      const end = visibleEnd(at, b, i, causal);
      visible += Math.min(end, topK * blockSize);
      if (end > topK * blockSize && end % blockSize !== 0) exact = false;
    }
  }
  return { visiblePairs: heads * visible, exact, lists: (panel, positions) => recentBlocks(panel, positions, sizes) };
}

/** A score for every pair that is seen. */
export function costOfScores(
  { batch, heads, queries, headDim }: AttentionShape,
  at: Positions,
  causal: boolean,
): Pick<ExpectedSelection, "scores" | "width"> {
  let pairs = 0;
  for (let b = 0; b < batch; b++) for (let i = 0; i < queries; i++) pairs += visibleEnd(at, b, i, causal);
  return { scores: heads * pairs, width: headDim };
}

/** Lists of the last blocks that every query sees: as long as any choice. */
export function recentBlocks(shape: AttentionShape, at: Positions, sizes: VisibleSizes): SelectedBlocks {
  const { heads, queries } = shape;
  const { blockSize, causal } = sizes;
  const lists = emptyLists(shape, at, sizes);
  lists.forEach(({ starts, keyBlocks }, index) => {
    const b = Math.floor(index / heads);
    for (let i = 0; i < queries; i++) {
      const blocks = Math.ceil(visibleEnd(at, b, i, causal) / blockSize);
      const end = starts[i + 1]!;
      for (let entry = starts[i]!; entry < end; entry++) keyBlocks[entry] = blocks - (end - entry);
    }
  });
  return { blockSize, queryBlock: 1, listOf: (b, h) => lists[b * heads + h]! };
}
