import type { AttentionInputs, SelectedAttention, Tensor } from "@saccade/core";
import {
  breathe,
  cut,
  floatsOf,
  rowsAtOnce,
  scores,
  selectedAttention,
  type SelectedBlocks,
  type SelectingCall,
  type Steps,
} from "@saccade/core/variants";
import { checkWhole } from "./checks.ts";
import { exactIndexTopK } from "./exact-index-top-k.ts";
import { checkIndexInputs } from "./index-inputs.ts";
import { KeptRows } from "./kept-rows.ts";
import { keyListSchedule } from "./key-list-schedule.ts";
import { selectingTerms, type SelectingOptions } from "./selecting-options.ts";
import { topKInto } from "./top-k.ts";
import { expectedOfTopK, recentBlocks, startsOf, visibleEnd, type VisibleSizes } from "./visible-blocks.ts";

/** What a call with an indexer reads: J indexer heads of width Dᴵ, with one key for all of them. */
export interface IndexInputs extends AttentionInputs {
  /** [B, J, N, Dᴵ] */
  readonly indexQueries: Tensor;
  /** [B, 1, M, Dᴵ] */
  readonly indexKeys: Tensor;
  /** [B, J, N, 1] */
  readonly indexWeights: Tensor;
}

export interface IndexTopKOptions extends SelectingOptions {
  /** Keys that a query attends to. */
  readonly topK: number;
  /** J, for plans. Default 64. */
  readonly indexHeads?: number | undefined;
  /** Dᴵ, which calls must have. Default 128. */
  readonly indexDim?: number | undefined;
}

/** Queries whose lists exist at a time. */
const PANEL = 2048;

/**
 * Causal attention to single keys that an indexer picks, as in DeepSeek-V3.2: of the keys up to its own position a query attends to the
 * topK with the largest
 *
 * ```text
 *   I(query i, key s) = sum_j w_ij max(0, qᴵ_ij . kᴵ_s)        j over J indexer heads
 * ```
 *
 * for all query heads alike. Of equal scores the lower key wins. With topK >= M this is dense causal attention. Indexer queries, keys and
 * weights are inputs of the call and come as they are: turned, normalised and scaled by whoever made them.
 *
 * It selects by N x M scores, 2 J Dᴵ for every pair: cheaper than attention only where J Dᴵ is small against H (D + E), or in a lower
 * precision than here. Lists take 4 topK bytes a query, for a panel of 2048 of them.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = indexTopK({ topK: 2048 });
 * const { out } = await attend.forward({ q, k, v, indexQueries, indexKeys, indexWeights });
 */
export function indexTopK(options: IndexTopKOptions): SelectedAttention<IndexInputs> {
  const topK = checkWhole("indexTopK: topK", options.topK, 1);
  const indexHeads = checkWhole("indexTopK: indexHeads", options.indexHeads ?? 64, 1);
  const indexDim = checkWhole("indexTopK: indexDim", options.indexDim ?? 128, 1);
  const sizes = { topK, blockSize: 1, causal: true };
  return selectedAttention<IndexInputs, Tensor>({
    name: "indexTopK",
    selection: "per-query",
    selects: "N x M",
    causal: true,
    ...selectingTerms("indexTopK", options),
    panel: PANEL,
    checkInputs: (where, inputs, shape) => checkIndexInputs(where, inputs, shape, indexDim),
    *summarise({ inputs, part }) {
      yield* breathe();
      return cut(inputs.indexKeys, part, part.key, part.keyEnd);
    },
    select: (panel, keys) => select(panel, keys, sizes),
    selectExactly: (call) => exactIndexTopK(call, topK),
    schedule: keyListSchedule,
    expected(shape, at) {
      const own = expectedOfTopK(shape, at, sizes);
      // Every query is scored once, for all heads.
      const seen = expectedOfTopK({ ...shape, heads: 1 }, at, { ...sizes, topK: shape.keys }).visiblePairs;
      const lists: typeof own.lists = (panel, positions) =>
        shared(recentBlocks({ ...panel, heads: 1 }, positions, sizes));
      return { ...own, scores: indexHeads * seen, width: indexDim, lists };
    },
    keep: (_where, { batch, keys }, runtime) => new KeptRows({ batch, rows: keys, width: indexDim }, runtime),
    summaryBytes: ({ batch, keys }) => 4 * batch * keys * indexDim,
  });
}

/** One list for all heads. */
function shared({ listOf, ...sizes }: SelectedBlocks): SelectedBlocks {
  return { ...sizes, listOf: (b) => listOf(b, 0) };
}

function* select(
  { shape, positions, inputs, part }: SelectingCall<IndexInputs>,
  indexKeys: Tensor,
  sizes: VisibleSizes,
): Steps<SelectedBlocks> {
  const { batch, queries } = shape;
  const lists = Array.from({ length: batch }, (_, b) => {
    const starts = startsOf(queries, positions, b, sizes);
    return { starts, keyBlocks: new Int32Array(starts[queries]!) };
  });
  const rows = rowsAtOnce(batch * shape.keys);
  for (let from = 0; from < queries; from += rows) {
    const to = Math.min(queries, from + rows);
    let keys = 0;
    for (let b = 0; b < batch; b++) keys = Math.max(keys, visibleEnd(positions, b, to - 1, true));
    const q = cut(inputs.indexQueries, part, part.query + from, part.query + to);
    const weights = weightsOf(cut(inputs.indexWeights, part, part.query + from, part.query + to));
    const k = { ...indexKeys, length: keys };
    // Where everything is taken there is nothing to compare.
    const index = keys <= sizes.topK ? NO_SCORES : yield* scores({ q, k, reduce: { kind: "relu", weights } });
    for (let b = 0; b < batch; b++) {
      const { starts, keyBlocks } = lists[b]!;
      for (let i = from; i < to; i++) {
        const at = (b * (to - from) + i - from) * keys;
        topKInto(index, at, visibleEnd(positions, b, i, true), sizes.topK, keyBlocks, starts[i]!);
        yield* breathe();
      }
    }
  }
  return { blockSize: 1, queryBlock: 1, listOf: (b) => lists[b]! };
}

const NO_SCORES: Float32Array = new Float32Array(0);

/** [B, J, n] */
function weightsOf(view: Tensor): Float32Array {
  const { batch, heads, length, offset, strides } = view;
  const data = floatsOf(view);
  const weights = new Float32Array(batch * heads * length);
  for (let index = 0; index < weights.length; index++) {
    const [n, head] = [index % length, Math.floor(index / length)];
    weights[index] = data[offset + Math.floor(head / heads) * strides.b + (head % heads) * strides.h + n * strides.n]!;
  }
  return weights;
}
