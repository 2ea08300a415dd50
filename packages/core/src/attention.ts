import type { Decoder, DecoderOptions } from "./decoder/decoder.ts";
import type { Plan, PlanShape } from "./plan.ts";
import type { RunInfo, Runtime, RuntimeName } from "./runtime/runtime.ts";
import type { BiasTensor, MaskTensor, Tensor } from "./tensor.ts";

/**
 * How a variant decides which keys a query sees.
 *
 * - `"static"`: by positions alone
 * - `"per-query"`: by the query's own content
 * - `"query-block"`: by the content of a block of queries
 * - `"prompt"`: by the content of the whole prompt
 * - `"decode-only"`: made for single queries against a cache
 *
 * With the first two, running tokens at once or in any split through a decoder's cache gives the same output within rounding.
 */
export type Selection = "static" | "per-query" | "query-block" | "prompt" | "decode-only";

/**
 * What attention reads. f32; B batch, H query heads, G key heads (G divides H; query head h reads key head floor(h / (H / G))),
 * N queries, M keys, D width of queries and keys, E width of values.
 */
export interface AttentionInputs {
  /** [B, H, N, D] or [B, N, H, D] */
  readonly q: Tensor;
  /** [B, G, M, D] or [B, M, G, D] */
  readonly k: Tensor;
  /** [B, G, M, E] or [B, M, G, E] */
  readonly v: Tensor;
  /** [B or 1, H or 1, N or 1, M], added after scale and softcap; -Infinity hides the pair. */
  readonly bias?: BiasTensor | undefined;
  /** [B or 1, H or 1, N or 1, M]; 0 hides the pair. */
  readonly mask?: MaskTensor | undefined;
  /** Position of query 0, one number or [B] of them, may be negative. Default `keyLengths[b] - N`, without lengths `M - N`. */
  readonly queryOffset?: number | ArrayLike<number> | undefined;
  /** Keys that batch element b has, 0..M; keys from there on are never read as visible. [B], default M each. */
  readonly keyLengths?: ArrayLike<number> | undefined;
}

export interface SyncForwardOptions {
  /** Also return the logarithm of each row's sum of exponentials. Default false; always there with `partial`. */
  readonly lse?: boolean | undefined;
  /** Leave learned sinks out, so that `merge` can join results over disjoint keys. Default false. */
  readonly partial?: boolean | undefined;
  /** Write into this tensor [B, H, N, E], which must not overlap the inputs. Default: a new array in the layout of q. */
  readonly out?: Tensor | undefined;
  /** Default "auto": native where it loads, else wasm. */
  readonly runtime?: "auto" | RuntimeName | Runtime | undefined;
  /** Threads at most. Default: what the runtime was opened with. The result has the same bits at any number. */
  readonly threads?: number | undefined;
}

export interface ForwardOptions extends SyncForwardOptions {
  /** Cancels: the call rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** What attention returns, with what it ran on: runtime, instruction set, threads, and why nothing better was taken. */
export interface AttentionResult extends RunInfo {
  /** [B, H, N, E] in the layout of q (or the tensor given as `out`). Rows that see no key are 0. */
  readonly out: Tensor;
  /**
   * [B, H, N], natural logarithm, when asked for: ln(sum over visible keys of e^s, plus e^sink with learned sinks).
   * -Infinity for rows that see no key and have no sink.
   */
  readonly lse?: Float32Array;
}

/** A result over some of the keys, without learned sinks; `merge` joins those over disjoint keys. */
export interface PartialResult {
  readonly combine: "lse";
  /** [B, H, N, E] */
  readonly out: Tensor;
  /** [B, H, N], natural logarithm; -Infinity for rows that saw no key. */
  readonly lse: Float32Array;
}

/** The result type that options ask for. */
export type ResultFor<O> = AttentionResult &
  (O extends { readonly partial: true }
    ? PartialResult
    : O extends { readonly lse: true }
      ? { readonly lse: Float32Array }
      : unknown);

/** float64 results, contiguous [B, H, N, E] and [B, H, N]. */
export interface ReferenceResult {
  readonly out: Float64Array;
  readonly lse: Float64Array;
}

/** One variant of attention with its options; what `dense()` and its siblings return. It holds no buffers and no state. */
export interface Attention {
  /** As errors name it. */
  readonly name: string;
  readonly selection: Selection;
  /**
   * Runs without blocking the event loop for longer than 16 ms; work of well under that runs before the promise is returned.
   *
   * @throws TypeError and RangeError (as a rejection) when inputs do not fit together, naming what was expected and what came.
   */
  forward<const O extends ForwardOptions = ForwardOptions>(inputs: AttentionInputs, options?: O): Promise<ResultFor<O>>;
  /** The same for small work, to the end before it returns. */
  forwardSync<const O extends SyncForwardOptions = SyncForwardOptions>(
    inputs: AttentionInputs,
    options?: O,
  ): ResultFor<O>;
  /** What a call of this shape costs, before it runs. */
  plan(shape: PlanShape): Plan;
  /** The definition, in float64 and slow. With `partial`, without learned sinks. */
  reference(inputs: AttentionInputs, options?: { readonly partial?: boolean }): ReferenceResult;
  /** Attention over a growing cache of keys and values. */
  decoder(options: DecoderOptions): Decoder;
}
