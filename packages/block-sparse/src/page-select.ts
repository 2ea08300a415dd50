import { tensor, type AttentionInputs, type SelectedAttention, type Tensor } from "@saccade/core";
import {
  floatsOf,
  keepBlocks,
  selectedAttention,
  summariseBlocks,
  summaryFloats,
  type AttentionShape,
  type SelectingCall,
} from "@saccade/core/variants";
import { checkWhole } from "./checks.ts";
import { exactPages } from "./exact-pages.ts";
import { boundsOfKeys } from "./page-bounds.ts";
import { expectedOfPast, selectPast, type BlockScores, type PastSizes } from "./past-lists.ts";
import { selectingTerms, type SelectingOptions } from "./selecting-options.ts";

export interface PageSelectOptions extends SelectingOptions {
  /** C: keys of a page. */
  readonly pageSize: number;
  /** Tokens that a query attends to: floor(budget / C) pages, at least 3, the query's own among them. */
  readonly budget: number;
  /** Every query head chooses for itself. Default false: the query heads of a key head choose together. */
  readonly perQueryHead?: boolean | undefined;
}

/** Pages that are always taken together: fewer would leave little beside a query's own. */
const LEAST_PAGES = 3;
/** Queries whose lists exist at a time. */
const PANEL = 8192;

/**
 * Causal attention whose queries read few pages of the cache, as in Quest (Tang et al. 2024): of the pages before its own a query
 * takes those whose keys could score highest,
 *
 * ```text
 *   bound(q, page) = sum_d max(q_d max_d, q_d min_d) = q+ . max + q- . min        over the keys of the page
 * ```
 *
 * with q+ and q- the positive and the negative part of q. No key of the page scores more than its bound. The query's own page is always
 * taken, and counts. The query heads of a key head take the same pages, those with the largest bound of any of them, so that a page is
 * read once for all; `perQueryHead` lets them choose alone. Of equal bounds the lower page wins. With a budget of M tokens this is dense
 * causal attention. The paper leaves the first two layers of a model dense.
 *
 * It is made for decoding: a step reads 2 D numbers for every page, 1 / C of what dense attention reads, and then its budget. Page
 * bounds stand beside the cache and take D / C of the bytes of its keys twice. A call of many queries selects for each of them.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const decoder = pageSelect({ pageSize: 32, budget: 2048 }).decoder({ heads: 32, kvHeads: 8, headDim: 128, capacity: 131_072 });
 * const { out } = decoder.appendSync({ q, k, v });
 */
export function pageSelect(options: PageSelectOptions): SelectedAttention {
  const blockSize = checkWhole("pageSelect: pageSize", options.pageSize, 1);
  const budget = checkWhole("pageSelect: budget", options.budget, 1);
  const sizes: PastSizes = {
    blockSize,
    causal: true,
    topK: Math.max(LEAST_PAGES, Math.floor(budget / blockSize)),
    choosers: options.perQueryHead === true ? "heads" : "kvHeads",
  };
  return selectedAttention<AttentionInputs, Tensor>({
    name: "pageSelect",
    selection: "decode-only",
    selects: "N x M / C",
    causal: true,
    ...selectingTerms("pageSelect", options),
    panel: PANEL,
    summarise: (call) => summariseBlocks(call, blockSize, boundsOfKeys),
    select: (panel, bounds) => selectPast(panel, sizes, boundsOf(panel, bounds, sizes), partsOf(panel.shape)),
    selectExactly: (call) => exactPages(call, sizes),
    expected: (shape, at) => ({ ...expectedOfPast(shape, at, sizes), width: 2 * shape.headDim }),
    keep: (_where, kept) => keepBlocks(kept, blockSize, boundsOfKeys),
    summaryBytes: (kept) => 4 * summaryFloats({ ...kept, blockSize }, boundsOfKeys),
  });
}

function boundsOf({ q }: SelectingCall<AttentionInputs>, bounds: Tensor, { choosers }: PastSizes): BlockScores {
  return (from, to, pages) => ({
    q: signedParts(q, from, to),
    k: { ...bounds, length: pages },
    reduce: { kind: choosers === "heads" ? "each" : "max" },
  });
}

/** Numbers of a query's parts. */
const partsOf = ({ batch, heads, headDim }: AttentionShape): number => 2 * batch * heads * headDim;

/** [q+ | q-] of tokens [from, to), [B, H, n, 2 D]. */
function signedParts(view: Tensor, from: number, to: number): Tensor {
  const { offset, strides, batch, heads, width } = view;
  const rows = to - from;
  const parts = new Float32Array(2 * batch * heads * rows * width);
  const source = floatsOf(view);
  let at = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let n = from; n < to; n++, at += 2 * width) {
        const row = offset + b * strides.b + h * strides.h + n * strides.n;
        for (let d = 0; d < width; d++) {
          const x = source[row + d]!;
          parts[at + (x < 0 ? width + d : d)] = x;
        }
      }
    }
  }
  return tensor(parts, { shape: [batch, heads, rows, 2 * width] });
}
