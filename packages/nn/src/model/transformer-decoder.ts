import type { MultiHeadDecoder, MultiHeadDecoderOptions } from "../layers/multi-head-decoder.ts";
import type { Transformer } from "./transformer.ts";

export type TransformerDecoderOptions = Omit<MultiHeadDecoderOptions, "batch">;

/** A transformer token by token, over a cache in every layer. `await using` frees them. */
export class TransformerDecoder implements AsyncDisposable {
  readonly #model: Transformer;
  readonly #layers: readonly MultiHeadDecoder[];
  readonly #options: TransformerDecoderOptions;
  #length = 0;

  constructor(model: Transformer, layers: readonly MultiHeadDecoder[], options: TransformerDecoderOptions) {
    this.#model = model;
    this.#layers = layers;
    this.#options = options;
  }

  /** Tokens taken so far. */
  get length(): number {
    return this.#length;
  }

  /** Bytes of all caches. */
  get cacheBytes(): number {
    return this.#layers.reduce((sum, { cacheBytes }) => sum + cacheBytes, 0);
  }

  /**
   * Takes the next tokens: a prompt, a part of one, a single step.
   *
   * @param options.all logits of all of them, [N, vocabulary]. Default: of the last one alone, [vocabulary].
   * @throws RangeError (as a rejection) when they do not fit; the decoder is then as it was.
   */
  async append(
    tokens: ArrayLike<number>,
    { all = false, signal }: { readonly all?: boolean | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Float32Array> {
    const { runtime, threads } = this.#options;
    const run = { runtime, threads, signal };
    const before = this.#layers.map((layer) => layer.checkpoint());
    try {
      const hidden = await this.#model.run(tokens, run, (layer) => (x) => this.#layers[layer]!.append(x, { signal }));
      const { data, length, width } = hidden;
      const last = { data: data.subarray((length - 1) * width), batch: 1, length: 1, width };
      const logits = await this.#model.logits(all || length === 0 ? hidden : last, run);
      this.#length += tokens.length;
      return logits;
    } catch (error) {
      // Some layers have taken the tokens, others not.
      for (const [i, layer] of this.#layers.entries()) if (layer.length > before[i]!.length) layer.restore(before[i]!);
      throw error;
    }
  }

  /** Drops the last tokens, where the caches can. */
  rewind(tokens: number): void {
    for (const layer of this.#layers) layer.rewind(tokens);
    this.#length -= tokens;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#layers.map((layer) => layer[Symbol.asyncDispose]()));
  }
}
