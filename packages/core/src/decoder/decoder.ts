import type { ForwardOptions, ResultFor, SyncForwardOptions } from "../attention.ts";
import type { RuntimeChoice } from "../runtime/select.ts";
import type { StoredType } from "../stored.ts";
import type { BiasTensor, MaskTensor, Tensor } from "../tensor.ts";

/** Sizes of a decoder's cache, fixed when it is made. */
export interface DecoderOptions {
  /** B. Default 1. */
  readonly batch?: number | undefined;
  /** H */
  readonly heads: number;
  /** G. Default H. */
  readonly kvHeads?: number | undefined;
  /** D */
  readonly headDim: number;
  /** E. Default D. */
  readonly valueDim?: number | undefined;
  /**
   * Tokens that the decoder takes at most. Needed where the cache keeps them all; where it keeps the last ones only (windows), the
   * default is 2^30.
   */
  readonly capacity?: number | undefined;
  /**
   * How keys and values are stored: "f32", "f16", "bf16", or "i8" with a factor for every token and head, its largest number / 127.
   * Default "f32".
   */
  readonly dtype?: StoredType | undefined;
  /**
   * Tokens that `rewind` may take back at a time. Default: all of them, or none where the cache keeps the last ones only: it holds
   * that many more.
   */
  readonly rewindable?: number | undefined;
  /** Default "auto". */
  readonly runtime?: RuntimeChoice | undefined;
  /** Threads at most. Default: what the runtime was opened with. */
  readonly threads?: number | undefined;
}

/** New tokens: their queries, keys and values. */
export interface DecoderInputs {
  /** [B, H, N, D] or [B, N, H, D] */
  readonly q: Tensor;
  /** [B, G, N, D] or [B, N, G, D] */
  readonly k: Tensor;
  /** [B, G, N, E] or [B, N, G, E] */
  readonly v: Tensor;
  /** [B or 1, H or 1, N or 1, length + N]. Not where the cache keeps the last tokens only. */
  readonly bias?: BiasTensor | undefined;
  /** [B or 1, H or 1, N or 1, length + N]. Not where the cache keeps the last tokens only. */
  readonly mask?: MaskTensor | undefined;
}

/** As in `forwardSync`; the runtime is the decoder's. */
export type SyncAppendOptions = Omit<SyncForwardOptions, "runtime">;
/** As in `forward`; the runtime is the decoder's. */
export type AppendOptions = Omit<ForwardOptions, "runtime">;

/** A point in a decoder's history to come back to. */
export interface Checkpoint {
  /** Tokens taken up to that point. */
  readonly length: number;
}

/**
 * Attention over a growing cache of keys and values.
 *
 * `append` stores the keys and values of N new tokens (a prompt, a part of one, a single step) and attends from their queries to all
 * tokens so far, whose positions count from 0. Causal attention gives the same rows, within rounding, however tokens are split into
 * calls; where queries see later keys, those of a call see them up to the end of that call.
 *
 * Memory is the cache, allocated at the first call and never again, and what one `forward` of that size needs. A call that fails or is
 * cancelled leaves the decoder as it was. `await using` frees it.
 */
export interface Decoder extends AsyncDisposable {
  /** Tokens taken so far. */
  readonly length: number;
  /** Tokens that it takes at most. */
  readonly capacity: number;
  /** Bytes of the cache. */
  readonly cacheBytes: number;
  /**
   * @throws RangeError (as a rejection) when the tokens do not fit (`cache full: capacity 4096, asked for 4097`) or do not match the
   * decoder's sizes, Error when another call is still running.
   */
  append<const O extends AppendOptions = AppendOptions>(inputs: DecoderInputs, options?: O): Promise<ResultFor<O>>;
  /** The same, to the end before it returns: for steps. */
  appendSync<const O extends SyncAppendOptions = SyncAppendOptions>(inputs: DecoderInputs, options?: O): ResultFor<O>;
  checkpoint(): Checkpoint;
  /** Drops the tokens after a checkpoint. A checkpoint dies when the decoder is taken back to before it. */
  restore(checkpoint: Checkpoint): void;
  /** Drops the last tokens, at most `rewindable` below the greatest length reached. */
  rewind(tokens: number): void;
}
