import type { SelectedAttention } from "@saccade/core";
import { cut, selectedAttention, type AttentionShape } from "@saccade/core/variants";
import { branchBytes, branchKeysOf, KeptBranches, type BranchKeys } from "./branch-keys.ts";
import { checkWhole, shown } from "./checks.ts";
import type { Compression } from "./compression.ts";
import { exactNativeBlocks } from "./exact-native-sparse.ts";
import { gatedAttention, type GatedAttention } from "./gated-attention.ts";
import { checkNativeInputs, type NativeSparseInputs, type OwnBranch } from "./native-sparse-inputs.ts";
import { gateBranches, selectByCompressed } from "./native-sparse-rows.ts";
import { expectedOfPast, type PastSizes } from "./past-lists.ts";
import { selectingTerms, type SelectingOptions } from "./selecting-options.ts";

export interface NativeSparseOptions extends Pick<SelectingOptions, "scale" | "documents"> {
  /** How keys and values are compressed. Default the mean of 32 tokens, every 16. */
  readonly compression?:
    | {
        /** L: tokens of a compressed block, a multiple of the stride. Default 32. */
        readonly length?: number | undefined;
        /** S: tokens from one compressed block to the next. Default 16. */
        readonly stride?: number | undefined;
        /** Factors of a block's tokens, [L] or one after the other for every key head, [G, L]. Default 1 / L each. */
        readonly weights?: ArrayLike<number> | undefined;
      }
    | undefined;
  /** C: keys of a block that is selected, a multiple of the stride. Default 64. */
  readonly blockSize?: number | undefined;
  /** Blocks that a query takes, the first, its own and the one before among them; at least 3. Default 16. */
  readonly selected?: number | undefined;
  /** W: keys of the window, the query's own among them. Default 512. */
  readonly window?: number | undefined;
  /** Branches with keys and values of their own, which calls then give as `compressedKeys`, ... Default none. */
  readonly own?: readonly OwnBranch[] | undefined;
}

/** Queries whose branches and lists exist at a time. */
const PANEL = 4096;

/**
 * Native sparse attention (Yuan et al. 2025): three causal branches, joined by gates. For the query at position t of head h
 *
 * ```text
 *   out = g0 compressed + g1 selected + g2 window
 *
 *   compressed   over blocks c with c S + L - 1 <= t: keys sum_i w_i k_(c S + i), values likewise; 0 where there is none yet
 *   selected     over keys up to t of `selected` blocks of C keys: block 0, the own and the one before, and those with the largest
 *                importance(j) = sum over heads of the group, sum over c that overlap block j, of p_c overlap / S
 *                where p are the compressed branch's probabilities
 *   window       over keys t - W < j <= t
 * ```
 *
 * For L = 32, S = 16 and C = 64 the factors overlap / S are 1, 2, 2, 2, 1. Query heads of a key head share their blocks; of equal
 * importance the lower block wins. Gates [B, H, N, 3] come with the inputs, after their sigmoid. A gated sum has no log-sum-exp and joins
 * with nothing: results say `combine: "gated"`.
 *
 * The compressed branch reads N M / (2 S) pairs, and its scores are computed once more for the choice: a share of about 1 / S + D / (S (D + E))
 * of dense causal attention. A decoder keeps compressed blocks beside its keys and gives the rows of one call in any split, unless two
 * blocks are as important within rounding.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example
 * const attend = nativeSparse({ blockSize: 64, selected: 16, window: 512, compression: { length: 32, stride: 16 } });
 * const { out } = await attend.forward({ q, k, v, gates });
 */
export function nativeSparse(options: NativeSparseOptions = {}): GatedAttention {
  const name = "nativeSparse";
  const compression = checkedCompression(name, options.compression ?? {});
  const blockSize = checkMultiple(`${name}: blockSize`, options.blockSize ?? 64, compression.stride);
  const topK = checkWhole(`${name}: selected`, options.selected ?? 16, 3);
  const window = checkWhole(`${name}: window`, options.window ?? 512, 1);
  const own = checkedOwn(name, options.own ?? []);
  const { scale, documents } = selectingTerms(name, { scale: options.scale, documents: options.documents });
  const sizes = { ...compression, blockSize, topK };
  const past: PastSizes = { blockSize, topK, causal: true, choosers: "kvHeads" };
  const checkInputs = (where: string, inputs: NativeSparseInputs, shape: AttentionShape): void => {
    checkNativeInputs(where, inputs, shape, own);
    const { weights, length } = compression;
    if ([length, length * shape.kvHeads].includes(weights.length)) return;
    throw new RangeError(
      `${where}: compression.weights has ${weights.length} numbers, expected L = ${length}, or G L = ${length * shape.kvHeads}`,
    );
  };
  const selecting: SelectedAttention<NativeSparseInputs> = selectedAttention<NativeSparseInputs, BranchKeys>({
    name,
    selection: "per-query",
    selects: "N x M / C",
    causal: true,
    scale,
    softcap: 0,
    learnedSinks: undefined,
    documents,
    panel: PANEL,
    checkInputs,
    summarise: (call) => branchKeysOf(call, compression),
    select: (panel, keys) => selectByCompressed(panel, keys, sizes),
    finish(panel, keys, out) {
      const { gates } = panel.inputs;
      return gateBranches(panel, keys, cut(gates, panel.part, panel.part.query, panel.part.queryEnd), out, window);
    },
    selectExactly: (call) => exactNativeBlocks(call, sizes),
    expected: (shape, at) => ({ ...expectedOfPast(shape, at, past), width: shape.headDim }),
    keep: (where, kept, runtime) => new KeptBranches(where, kept, runtime, { compression, own }),
    summaryBytes: (kept) => branchBytes(kept, { compression, own }),
  });
  return gatedAttention({ selecting, compression, window, scale, documents });
}

function checkedCompression(
  name: string,
  { length = 32, stride = 16, weights }: NonNullable<NativeSparseOptions["compression"]>,
): Compression {
  checkWhole(`${name}: compression.stride`, stride, 1);
  checkMultiple(`${name}: compression.length`, length, stride);
  if (weights === undefined) return { length, stride, weights: new Float64Array(length).fill(1 / length) };
  if (typeof weights?.length !== "number" || weights.length === 0 || weights.length % length !== 0) {
    throw new RangeError(
      `${name}: compression.weights has ${weights?.length} numbers, expected L = ${length}, or G times as many`,
    );
  }
  return { length, stride, weights: Float64Array.from(weights) };
}

function checkMultiple(what: string, value: number, of: number): number {
  checkWhole(what, value, 1);
  if (value % of !== 0) throw new RangeError(`${what} is ${value}, expected a multiple of the stride ${of}`);
  return value;
}

function checkedOwn(name: string, own: readonly OwnBranch[]): readonly OwnBranch[] {
  for (const branch of own) {
    if (branch === "compressed" || branch === "window") continue;
    throw new TypeError(`${name}: own names ${shown(branch)}, expected "compressed" or "window"`);
  }
  return [...new Set(own)];
}
