import type { Selection } from "./attention.ts";
import type { Checkpoint, DecoderOptions } from "./decoder/decoder.ts";
import type { Gate, LinearTokens } from "./recurrence/linear-attention.ts";
import type { RunInfo, Runtime, RuntimeName } from "./runtime/runtime.ts";
import type { Tensor } from "./tensor.ts";

export interface SyncMixOptions {
  /** Write into this tensor [B, H, N, E], which must not overlap the inputs. Default: a new array in the layout of q. */
  readonly out?: Tensor | undefined;
  /** Default "auto". */
  readonly runtime?: "auto" | RuntimeName | Runtime | undefined;
  /** Threads at most. Default: what the runtime was opened with. */
  readonly threads?: number | undefined;
}

export interface MixOptions extends SyncMixOptions {
  /** Cancels: the call rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

export interface MixResult extends RunInfo {
  /** [B, H, N, E], or [B, V, N, E] where there are more value heads. */
  readonly out: Tensor;
}

/** What decoders of attention and of linear attention have in common. */
export interface MixDecoder<G extends Gate = never> extends AsyncDisposable {
  readonly length: number;
  readonly capacity: number;
  readonly cacheBytes: number;
  readonly append: (tokens: LinearTokens<G>, options?: Omit<MixOptions, "runtime">) => Promise<MixResult>;
  readonly appendSync: (tokens: LinearTokens<G>, options?: Omit<SyncMixOptions, "runtime">) => MixResult;
  checkpoint(): Checkpoint;
  restore(checkpoint: Checkpoint): void;
  rewind(tokens: number): void;
}

/**
 * What a layer needs of whatever lets its tokens look at each other: every `Attention` and every `LinearAttention` is one, so that one
 * argument changes between them. A layer that computes gates says which (`TokenMixer<"decay">`), and takes those that read fewer as well.
 */
export interface TokenMixer<G extends Gate = never> {
  readonly name: string;
  readonly selection: Selection;
  // Functions, not methods, whose parameters would be compared too loosely to miss a gate.
  readonly forward: (tokens: LinearTokens<G>, options?: MixOptions) => Promise<MixResult>;
  readonly forwardSync: (tokens: LinearTokens<G>, options?: SyncMixOptions) => MixResult;
  readonly decoder: (options: Omit<DecoderOptions, "dtype">) => MixDecoder<G>;
}
