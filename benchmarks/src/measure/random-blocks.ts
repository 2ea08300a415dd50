import type { BlockList } from "@saccade/core";

export interface BlockSizes {
  /** Blocks of queries, and of keys. */
  readonly rows: number;
  /** The share of blocks that are listed: of all, or with `causal` of those up to the diagonal. */
  readonly density: number;
  /** Only blocks up to the diagonal, and the diagonal always. Default false. */
  readonly causal?: boolean;
  readonly seed?: number;
}

/** A list with random blocks in every row, as many as the density says to within one; the same for the same sizes. */
export function randomBlocks({ rows, density, causal = false, seed = 1 }: BlockSizes): BlockList {
  let state = (Math.imul(seed, 0x9e3779b1) | 1) >>> 0;
  const below = (most: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return Math.floor(((state >>> 0) / 2 ** 32) * most);
  };
  const starts = new Int32Array(rows + 1);
  const keyBlocks: number[] = [];
  let before = 0;
  for (let row = 0; row < rows; row++) {
    const columns = causal ? row + 1 : rows;
    before += columns;
    const chosen = new Set<number>(causal ? [row] : []);
    const count = Math.min(columns, Math.round(before * density) - keyBlocks.length);
    while (chosen.size < count) chosen.add(below(columns));
    for (const block of [...chosen].sort((a, b) => a - b)) keyBlocks.push(block);
    starts[row + 1] = keyBlocks.length;
  }
  return { starts, keyBlocks: Int32Array.from(keyBlocks) };
}
