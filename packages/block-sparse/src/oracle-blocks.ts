import type { AttentionInputs, SelectedAttention, Tensor } from "@saccade/core";
import {
  breathe,
  rowsAtOnce,
  scores,
  selectedAttention,
  type Kept,
  type SelectedBlocks,
  type SelectingCall,
  type Steps,
} from "@saccade/core/variants";
import { checkWhole } from "./checks.ts";
import { exactOracleBlocks } from "./exact-oracle-blocks.ts";
import { selectingTerms, type SelectingOptions } from "./selecting-options.ts";
import { topKInto } from "./top-k.ts";
import { costOfScores, emptyLists, expectedOfTopK, visibleEnd, type VisibleSizes } from "./visible-blocks.ts";

export interface OracleBlocksOptions extends SelectingOptions {
  /** C: keys of a block. */
  readonly blockSize: number;
  /** Blocks that a query attends to. */
  readonly topK: number;
  /** Hide keys after the query's own position. Default true. */
  readonly causal?: boolean | undefined;
}

/** Queries whose lists exist at a time. */
const PANEL = 4096;

/**
 * Attention over the blocks that truly hold the most mass: for every query and head the topK blocks of keys with the largest sums of
 * softmax weights, as dense attention has them, of equal sums the lower one. No choice of as many blocks keeps more, so this is the
 * upper bound that selectors are measured against.
 *
 * It selects by N x M scores, 2 D for every pair: more than dense attention costs. For studies, not for speed.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const bound = await oracleBlocks({ blockSize: 64, topK: 16 }).forward({ q, k, v }, { selectedMass: true });
 */
export function oracleBlocks(options: OracleBlocksOptions): SelectedAttention {
  const { causal = true } = options;
  const sizes = {
    blockSize: checkWhole("oracleBlocks: blockSize", options.blockSize, 1),
    topK: checkWhole("oracleBlocks: topK", options.topK, 1),
    causal,
  };
  return selectedAttention<AttentionInputs, Tensor>({
    name: "oracleBlocks",
    selection: "per-query",
    selects: "N x M",
    causal,
    ...selectingTerms("oracleBlocks", options),
    panel: PANEL,
    *summarise({ k }) {
      yield* breathe();
      return k;
    },
    select: (panel, keys) => select(panel, keys, sizes),
    selectExactly: (call) => exactOracleBlocks(call, sizes),
    expected: (shape, at) => ({ ...expectedOfTopK(shape, at, sizes), ...costOfScores(shape, at, causal) }),
    keep: () => new AllKeys(),
    summaryBytes: () => 0,
  });
}

function* select(
  { shape, q, positions, scores: terms }: SelectingCall<AttentionInputs>,
  keys: Tensor,
  { blockSize, topK, causal }: VisibleSizes,
): Steps<SelectedBlocks> {
  const { batch, heads, queries } = shape;
  const lists = emptyLists(shape, positions, { blockSize, topK, causal });
  const rows = rowsAtOnce(batch * heads * shape.keys);
  const masses = new Float32Array(Math.ceil(shape.keys / blockSize));
  for (let from = 0; from < queries; from += rows) {
    const to = Math.min(queries, from + rows);
    const part = { ...q, offset: q.offset + from * q.strides.n, length: to - from };
    const all = yield* scores({ q: part, k: keys, scale: terms.scale });
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        const { starts, keyBlocks } = lists[b * heads + h]!;
        for (let i = from; i < to; i++) {
          const at = ((b * heads + h) * (to - from) + i - from) * keys.length;
          const end = visibleEnd(positions, b, i, causal);
          const row = all.subarray(at, at + end);
          finishScores(row, terms, { b, h, i });
          const blocks = massesOfBlocks(row, blockSize, masses);
          topKInto(masses, 0, blocks, starts[i + 1]! - starts[i]!, keyBlocks, starts[i]!);
          yield* breathe();
        }
      }
    }
  }
  return { blockSize, queryBlock: 1, listOf: (b, h) => lists[b * heads + h]! };
}

/** Scores after softcap, bias and mask. */
function finishScores(
  row: Float32Array,
  { softcap, bias, mask }: SelectingCall<AttentionInputs>["scores"],
  { b, h, i }: { readonly b: number; readonly h: number; readonly i: number },
): void {
  if (softcap > 0) for (let j = 0; j < row.length; j++) row[j] = softcap * Math.tanh(row[j]! / softcap);
  if (bias !== undefined) {
    const at = bias.offset + b * bias.strides.b + h * bias.strides.h + i * bias.strides.n;
    for (let j = 0; j < row.length; j++) row[j]! += bias.data[at + j]!;
  }
  if (mask !== undefined) {
    const at = mask.offset + b * mask.strides.b + h * mask.strides.h + i * mask.strides.n;
    for (let j = 0; j < row.length; j++) if (mask.data[at + j] === 0) row[j] = -Infinity;
  }
}

/** Sums of exponentials of blocks of scores, as shares of the largest score's. */
function massesOfBlocks(row: Float32Array, blockSize: number, masses: Float32Array): number {
  const blocks = Math.ceil(row.length / blockSize);
  let most = -Infinity;
  for (let j = 0; j < row.length; j++) most = Math.max(most, row[j]!);
  for (let block = 0; block < blocks; block++) {
    const end = Math.min(row.length, (block + 1) * blockSize);
    let sum = 0;
    for (let j = block * blockSize; j < end; j++) sum += row[j] === -Infinity ? 0 : Math.exp(row[j]! - most);
    masses[block] = sum;
  }
  return blocks;
}

/** A decoder's keys, as the cache has them. */
class AllKeys implements Kept<AttentionInputs, Tensor> {
  #keys: Tensor | undefined;

  *take(
    _inputs: AttentionInputs,
    _start: number,
    end: number,
    keys: (from: number, to: number) => Tensor,
  ): Steps<void> {
    yield* breathe();
    this.#keys = keys(0, end);
  }

  summary(): Tensor {
    return this.#keys!;
  }

  truncate(): void {}

  free(): void {
    this.#keys = undefined;
  }
}
