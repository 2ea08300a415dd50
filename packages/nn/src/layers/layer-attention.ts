import type { Checkpoint, DecoderOptions, MixOptions, MixResult, Tensor } from "@saccade/core";

/** Queries, keys and values of tokens, [B, N, H, D], [B, M, G, D] and [B, M, G, E]. */
export interface LayerTokens {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** A decoder as a layer uses it: every `MixDecoder` without gates is one. */
export interface LayerCache extends AsyncDisposable {
  readonly length: number;
  readonly capacity: number;
  readonly cacheBytes: number;
  readonly append: (tokens: LayerTokens, options?: Omit<MixOptions, "runtime">) => Promise<MixResult>;
  checkpoint(): Checkpoint;
  restore(checkpoint: Checkpoint): void;
  rewind(tokens: number): void;
}

/**
 * What a layer needs of an attention: every `TokenMixer` without gates is one (all of softmax attention, and linear attention that reads
 * nothing but queries, keys and values), and so is every candidate of @saccade/advisor. A variant that reads gates is a type error, since
 * this layer computes none.
 */
export interface LayerAttention {
  // Functions, not methods, whose parameters would be compared too loosely to miss a gate.
  readonly forward: (tokens: LayerTokens, options?: MixOptions) => Promise<MixResult>;
  readonly decoder: (options: Omit<DecoderOptions, "dtype">) => LayerCache;
}
