import type { Checkpoint, DecoderOptions } from "@saccade/core";
import type { LayerCache } from "./layer-attention.ts";
import type { MultiHeadAttention } from "./multi-head-attention.ts";
import type { Sequence } from "./sequence.ts";

/** Sizes of a layer's cache; heads and widths are the layer's. */
export interface MultiHeadDecoderOptions extends Pick<
  DecoderOptions,
  "batch" | "capacity" | "rewindable" | "runtime" | "threads"
> {
  /** The length that dynamic NTK scales for, for good. Default `capacity`. */
  readonly ropeLength?: number | undefined;
}

/** A layer of attention over a growing cache of keys and values. `await using` frees it. */
export class MultiHeadDecoder implements AsyncDisposable {
  readonly #layer: MultiHeadAttention;
  readonly #cache: LayerCache;
  readonly #options: MultiHeadDecoderOptions;

  constructor(layer: MultiHeadAttention, cache: LayerCache, options: MultiHeadDecoderOptions) {
    this.#layer = layer;
    this.#cache = cache;
    this.#options = options;
  }

  /** Tokens taken so far. */
  get length(): number {
    return this.#cache.length;
  }

  get capacity(): number {
    return this.#cache.capacity;
  }

  get cacheBytes(): number {
    return this.#cache.cacheBytes;
  }

  /**
   * @param x [B, N, modelDim], the next tokens.
   * @returns their outputs, [B, N, modelDim].
   * @throws RangeError (as a rejection) when they do not fit; the decoder is then as it was.
   */
  async append(x: Sequence, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Sequence> {
    const where = "MultiHeadDecoder.append";
    const { runtime, threads, ropeLength } = this.#options;
    const run = { runtime, threads, signal: options.signal };
    const tokens = await this.#layer.project(where, x, undefined, { ...run, offset: this.length, ropeLength });
    const { out } = await this.#cache.append(tokens, { threads, signal: options.signal });
    return this.#layer.projectBack(where, out, run);
  }

  checkpoint(): Checkpoint {
    return this.#cache.checkpoint();
  }

  restore(checkpoint: Checkpoint): void {
    this.#cache.restore(checkpoint);
  }

  rewind(tokens: number): void {
    this.#cache.rewind(tokens);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cache[Symbol.asyncDispose]();
  }
}
