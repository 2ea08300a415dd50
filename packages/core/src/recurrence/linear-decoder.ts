import type { Checkpoint } from "../decoder/decoder.ts";
import type { RuntimeChoice } from "../runtime/select.ts";
import type {
  Gate,
  LinearOptions,
  LinearResult,
  LinearSizeOptions,
  LinearTokens,
  SyncLinearOptions,
} from "./linear-attention.ts";
import type { LinearState } from "./linear-state.ts";

/** Sizes of a decoder, fixed when it is made. */
export interface LinearDecoderOptions extends LinearSizeOptions {
  /** Tokens that the decoder takes at most; they cost no memory. Default 2^30, or what the variant can take. */
  readonly capacity?: number | undefined;
  /**
   * Tokens that `rewind` may take back. Default 0. A state cannot be undone: to take tokens back the decoder keeps a second, older state
   * and the keys, values and gates of up to twice as many tokens after it, and runs those that stay through it again.
   */
  readonly rewindable?: number | undefined;
  /** Default "auto". */
  readonly runtime?: RuntimeChoice | undefined;
  /** Threads at most. Default: what the runtime was opened with. */
  readonly threads?: number | undefined;
}

/** As in `forwardSync`; the runtime and the state are the decoder's. */
export type SyncLinearAppendOptions = Pick<SyncLinearOptions, "out" | "threads">;
/** As in `forward`; the runtime and the state are the decoder's. */
export type LinearAppendOptions = Pick<LinearOptions, "out" | "threads" | "signal">;

/**
 * Linear attention over a growing number of tokens, in the memory of a state. Outputs are, within rounding, those of one call, however
 * tokens are split. A call that is cancelled leaves the decoder as it was; one that fails half-way makes it unusable. `await using` frees
 * it.
 */
export interface LinearDecoder<G extends Gate = never> extends AsyncDisposable {
  /** Tokens taken so far. */
  readonly length: number;
  /** Tokens that it takes at most. */
  readonly capacity: number;
  /** Bytes of its states and of what rewinding needs. */
  readonly cacheBytes: number;
  /**
   * @throws RangeError (as a rejection) when the tokens do not fit or do not match the decoder's sizes, Error when another call is still
   * running.
   */
  append(inputs: LinearTokens<G>, options?: LinearAppendOptions): Promise<LinearResult>;
  /** The same, to the end before it returns: for steps. It writes the state in place. */
  appendSync(inputs: LinearTokens<G>, options?: SyncLinearAppendOptions): LinearResult;
  /** A copy of the state. */
  state(): LinearState;
  /** The state as bytes, for `restore` of this decoder or one like it. */
  serialize(): Uint8Array;
  /** A copy of the state to come back to, as long as it is kept, bit for bit. */
  checkpoint(): Checkpoint;
  /** Goes back (or forward) to a checkpoint of this decoder or to what `serialize` wrote. `rewind` cannot go beyond that point. */
  restore(from: Checkpoint | Uint8Array): void;
  /** Takes the last tokens back, at most `rewindable` below the greatest length reached; on the runtime, to the end before it returns. */
  rewind(tokens: number): void;
}
