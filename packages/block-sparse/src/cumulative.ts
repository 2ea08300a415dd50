import type { AttentionInputs, BlockList, SelectedAttention, Tensor } from "@saccade/core";
import {
  breathe,
  floatsOf,
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
import { checkWhole, shown } from "./checks.ts";
import { exactCumulative } from "./exact-cumulative.ts";
import { selectingTerms, type SelectingOptions } from "./selecting-options.ts";
import { similarMeans } from "./similar-means.ts";
import { smallestSet } from "./smallest-set.ts";
import { visibleEnd } from "./visible-blocks.ts";

export interface CumulativeOptions extends SelectingOptions {
  /** Mass of the pooled softmax that the kept blocks reach, 0..1. */
  readonly tau: number;
  /** C: keys of a block. Default 64. */
  readonly blockSize?: number | undefined;
  /** Queries of a block, which keep the same blocks of keys. Default 128. */
  readonly queryBlock?: number | undefined;
  /** Blocks whose mean cosine similarity is below this are not judged by their mean but kept. -1 for none. Default 0.6. */
  readonly similarity?: number | undefined;
  /** Hide keys after the query's own position. Default true. */
  readonly causal?: boolean | undefined;
}

/** `CumulativeOptions` with defaults filled in. */
export interface CumulativeSizes {
  readonly tau: number;
  readonly blockSize: number;
  readonly queryBlock: number;
  readonly similarity: number;
  readonly causal: boolean;
}

/** Queries whose lists exist at a time. */
const PANEL = 8192;

/**
 * Attention of blocks of queries to as many blocks of keys as their pooled scores need, as in SpargeAttn (Zhang et al. 2025). Blocks are
 * means of their tokens. For the i-th block of a call's queries, by index, and the blocks j of keys that any of its queries sees
 *
 * ```text
 *   p_ij = softmax_j(scale mean(Q_i) . mean(K_j))
 *   keep the fewest j whose p_ij sum to tau at least, of equal ones the lower
 * ```
 *
 * Means say little of blocks whose tokens differ: with similarity(X) the mean cosine similarity of all pairs of tokens of X, blocks of
 * keys below the threshold take no part in the softmax and are kept, and blocks of queries below it keep every block. Beyond the paper, causal
 * attention keeps the blocks of its queries' own positions, whose p count, so that no query is left without keys.
 *
 * Selecting costs (N + M) D for the means and 2 D for every pair of blocks. Which blocks a query keeps depends on its neighbours, later
 * ones included: there is no decoder.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = cumulative({ tau: 0.95 });
 * const { out, selected } = await attend.forward({ q, k, v });
 */
export function cumulative(options: CumulativeOptions): SelectedAttention {
  const { tau, similarity = 0.6, causal = true } = options;
  if (!(tau >= 0 && tau <= 1)) throw new RangeError(`cumulative: tau is ${shown(tau)}, expected a number in 0..1`);
  if (!(similarity >= -1 && similarity <= 1)) {
    throw new RangeError(`cumulative: similarity is ${shown(similarity)}, expected a number in -1..1`);
  }
  const blockSize = checkWhole("cumulative: blockSize", options.blockSize ?? 64, 1);
  const queryBlock = checkWhole("cumulative: queryBlock", options.queryBlock ?? 128, 1);
  const sizes = { tau, similarity, causal, blockSize, queryBlock };
  return selectedAttention<AttentionInputs, Tensor>({
    name: "cumulative",
    selection: "query-block",
    selects: "N x M / C",
    causal,
    ...selectingTerms("cumulative", options),
    panel: Math.max(1, Math.floor(PANEL / queryBlock)) * queryBlock,
    summarise: (call) => summariseBlocks(call, blockSize, similarMeans),
    select: (panel, pooled) => select(panel, pooled, sizes),
    selectExactly: (call) => exactCumulative(call, sizes),
    expected: (shape, at) => expected(shape, at, sizes),
    noDecoder: "what a query keeps depends on later queries of its block",
    summaryBytes: (kept) => 4 * summaryFloats({ ...kept, blockSize }, similarMeans),
  });
}

function* select(
  { shape, q, positions, scores: { scale } }: SelectingCall<AttentionInputs>,
  pooledKeys: Tensor,
  sizes: CumulativeSizes,
): Steps<SelectedBlocks> {
  const { batch, heads, kvHeads, queries, headDim } = shape;
  const { blockSize, queryBlock } = sizes;
  const asKeys = {
    shape: { ...shape, kvHeads: heads, keys: queries },
    k: q,
    positions: { ...positions, keyLength: new Int32Array(batch).fill(queries) },
  };
  const pooledQueries = yield* summariseBlocks(asKeys, queryBlock, similarMeans);
  const [querySimilarity, keySimilarity] = [similarities(pooledQueries), similarities(pooledKeys)];
  const blocks = pooledKeys.length;
  const rows = rowsAtOnce(batch * heads * blocks);
  const lists = Array.from({ length: batch * heads }, () => new ListWriter(pooledQueries.length));
  for (let from = 0; from < pooledQueries.length; from += rows) {
    const to = Math.min(pooledQueries.length, from + rows);
    const pooled = yield* scores({ q: means(pooledQueries, headDim, from, to), k: means(pooledKeys, headDim), scale });
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        const head = b * heads + h;
        const group = b * kvHeads + Math.floor(h / (heads / kvHeads));
        const similar = keySimilarity.subarray(group * blocks, (group + 1) * blocks);
        for (let block = from; block < to; block++) {
          const at = (head * (to - from) + block - from) * blocks;
          const place = placeOf(block, queries, positions, b, sizes);
          const judged = querySimilarity[head * pooledQueries.length + block]! >= sizes.similarity;
          lists[head]!.put(pooled.subarray(at, at + place.seen), { ...place, judged, similar, ...sizes });
          yield* breathe();
        }
      }
    }
  }
  const made = lists.map((list) => list.list());
  return { blockSize, queryBlock, listOf: (b, h) => made[b * heads + h]! };
}

/** The blocks of keys that any query of a block sees, and the first of those where one of them stands. */
export function placeOf(
  block: number,
  queries: number,
  at: Positions,
  b: number,
  { queryBlock, blockSize, causal }: CumulativeSizes,
): { readonly seen: number; readonly own: number } {
  const last = Math.min(queries, (block + 1) * queryBlock) - 1;
  const seen = Math.ceil(visibleEnd(at, b, last, causal) / blockSize);
  const first = Math.max(0, block * queryBlock + at.queryOffset[b]!);
  return { seen, own: causal ? Math.floor(first / blockSize) : seen };
}

/** The means of blocks from..to - 1, without the directions behind them. */
function means(pooled: Tensor, width: number, from = 0, to = pooled.length): Tensor {
  return { ...pooled, width, offset: from * pooled.strides.n, length: to - from };
}

/** [B, heads, blocks] mean cosine similarities. */
function similarities(pooled: Tensor): Float32Array {
  const data = floatsOf(pooled);
  const width = pooled.width / 2;
  return Float32Array.from({ length: data.length / pooled.width }, (_, row) => {
    let squares = 0;
    for (let d = row * pooled.width + width; d < (row + 1) * pooled.width; d++) squares += data[d]! * data[d]!;
    return squares;
  });
}

interface Judgement extends CumulativeSizes {
  readonly own: number;
  /** Whether the block of queries is judged by its mean. */
  readonly judged: boolean;
  /** Similarities of the blocks of keys. */
  readonly similar: Float32Array;
}

/** Writes the lists of a head, block of queries by block of queries. */
class ListWriter {
  readonly #starts: Int32Array;
  #next = 0;
  #keyBlocks = new Int32Array(1024);
  #used = 0;

  constructor(blocks: number) {
    this.#starts = new Int32Array(blocks + 1);
  }

  put(pooled: Float32Array, { judged, similar, similarity, own, tau }: Judgement): void {
    const seen = pooled.length;
    if (this.#used + seen > this.#keyBlocks.length) {
      const grown = new Int32Array(Math.max(this.#used + seen, 2 * this.#keyBlocks.length));
      grown.set(this.#keyBlocks.subarray(0, this.#used));
      this.#keyBlocks = grown;
    }
    const keep = judged ? smallestSet(pooled, tau, (j) => similar[j]! >= similarity, own) : undefined;
    for (let j = 0; j < seen; j++) if (keep === undefined || keep[j] === 1) this.#keyBlocks[this.#used++] = j;
    this.#starts[++this.#next] = this.#used;
  }

  list(): BlockList {
    return { starts: this.#starts, keyBlocks: this.#keyBlocks.slice(0, this.#used) };
  }
}

/** How many blocks suffice is not known before: a plan counts them all. */
function expected(shape: AttentionShape, at: Positions, sizes: CumulativeSizes): ExpectedSelection {
  const { batch, heads, queries, headDim } = shape;
  const { queryBlock, blockSize, causal } = sizes;
  const blocks = Math.ceil(queries / queryBlock);
  let [visible, pairs] = [0, 0];
  for (let b = 0; b < batch; b++) {
    for (let i = 0; i < queries; i++) visible += visibleEnd(at, b, i, causal);
    for (let block = 0; block < blocks; block++) pairs += placeOf(block, queries, at, b, sizes).seen;
  }
  return {
    visiblePairs: heads * visible,
    exact: false,
    scores: heads * pairs,
    width: headDim,
    lists: (panel, positions) => {
      const lists = Array.from({ length: batch * heads }, (_, head) => {
        const count = Math.ceil(panel.queries / queryBlock);
        const seen = (block: number) => placeOf(block, panel.queries, positions, Math.floor(head / heads), sizes).seen;
        const starts = new Int32Array(count + 1);
        for (let block = 0; block < count; block++) starts[block + 1] = starts[block]! + seen(block);
        const keyBlocks = new Int32Array(starts[count]!);
        for (let block = 0; block < count; block++) {
          for (let j = 0; j < seen(block); j++) keyBlocks[starts[block]! + j] = j;
        }
        return { starts, keyBlocks };
      });
      return { blockSize, queryBlock, listOf: (b, h) => lists[b * heads + h]! };
    },
  };
}
