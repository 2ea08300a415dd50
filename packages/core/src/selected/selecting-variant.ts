import type { AttentionInputs, Selection } from "../attention.ts";
import type { ReferenceJob } from "../reference.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import type { Tensor } from "../tensor.ts";
import type { CallPart } from "./call-part.ts";
import type { SelectedBlocks } from "./selected-blocks.ts";
import type { Steps } from "./steps.ts";

/** A part of a call: its tensors are views, its positions count from the part's first key. Keys are f32. */
export interface SelectingCall<I extends AttentionInputs> extends ReferenceJob {
  /** What the caller gave, whole. `cut(tensor, part, ...)` makes views of the part of what core does not know. */
  readonly inputs: I;
  readonly part: CallPart;
}

/**
 * What a variant of softmax attention says whose queries select blocks of keys by content; the rest is the same for all of them.
 * `I`: what its calls read. `S`: what selecting needs of the keys, once for all queries.
 */
export interface SelectingVariant<I extends AttentionInputs, S> {
  readonly name: string;
  readonly selection: Selection;
  /** What selecting costs: a score for every query and block of keys, or for every query and key. */
  readonly selects: "N x M / C" | "N x M";
  /** Hide keys after a query's own position. */
  readonly causal: boolean;
  /** Lengths of the documents that the keys are made of, in order; queries see and select inside their own. Default: one. */
  readonly documents?: ArrayLike<number> | undefined;
  /** Factor on q . k. Default 1/sqrt(D). */
  readonly scale: number | undefined;
  /** c in c tanh(s / c); 0 for none. */
  readonly softcap: number;
  /** [H] */
  readonly learnedSinks: Float32Array | undefined;
  /** Queries whose lists exist at a time, at most; a multiple of the queries that select together. */
  readonly panel: number;
  /** Checks what a call gives beside q, k and v. */
  readonly checkInputs?: ((where: string, inputs: I, shape: AttentionShape) => void) | undefined;
  /** What selecting needs of the keys of a call. */
  readonly summarise: (call: SelectingCall<I>) => Steps<S>;
  /** What the queries of a panel select. Neither is empty. */
  readonly select: (panel: SelectingCall<I>, summary: S) => Steps<SelectedBlocks>;
  /** The definition of what is selected, in float64 and independent of `select`. */
  readonly selectExactly: (call: SelectingCall<I>) => SelectedBlocks;
  /**
   * What becomes of a panel's rows that attended to what was selected, where that is not all: `out` [B, H, n, E] is changed in place. The
   * lse of such a variant means nothing.
   */
  readonly finish?: ((panel: SelectingCall<I>, summary: S, out: Tensor) => Steps<void>) | undefined;
  /** Default: `selectedSchedule`. */
  readonly schedule?:
    | ((selected: SelectedBlocks, shape: AttentionShape, at: Positions, pairTerms: boolean) => Schedule)
    | undefined;
  /** What a call is expected to cost. */
  readonly expected: (shape: AttentionShape, at: Positions) => ExpectedSelection;
  /** What a decoder keeps beside keys and values, for variants that decode. */
  readonly keep?: ((where: string, sizes: KeptSizes, runtime: Runtime) => Kept<I, S>) | undefined;
  /** Bytes of what is kept of that many keys for selecting, in a call and beside a decoder's cache. */
  readonly summaryBytes: (sizes: KeptSizes) => number;
  /** Why there is no decoder, where `keep` is not given. */
  readonly noDecoder?: string | undefined;
}

/** What a call is expected to select. */
export interface ExpectedSelection {
  /** Pairs (query row, key) that are visible, over B and H. */
  readonly visiblePairs: number;
  /** Whether that depends on the shape alone. */
  readonly exact: boolean;
  /** Products that selecting takes, and the width of each. */
  readonly scores: number;
  readonly width: number;
  /** Lists as those of the last panel might be: as long, whichever blocks they name. Heads share objects as they will then. */
  readonly lists: (shape: AttentionShape, at: Positions) => SelectedBlocks;
}

/** B, H, G, D, E, and the keys that there are, or may be in a decoder. */
export type KeptSizes = Omit<AttentionShape, "queries">;

/** Tokens [from, to). */
export type TokensFromTo = (from: number, to: number) => Tensor;

/** What a decoder keeps of the keys for selecting. */
export interface Kept<I extends AttentionInputs, S> {
  /**
   * Takes the tokens up to `end`. Those from `start` on are new: their inputs are `inputs`.
   *
   * @param keys f32 keys [B, G, to - from, D] of any range, as the cache stores them.
   * @param values likewise [B, G, to - from, E].
   */
  take(inputs: I, start: number, end: number, keys: TokensFromTo, values: TokensFromTo): Steps<void>;
  /** Forgets the tokens from `length` on. */
  truncate(length: number): void;
  /** What selecting needs of the tokens taken. */
  summary(): S;
  free(): void;
}
