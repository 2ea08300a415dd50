import { dense, type Attention, type AttentionInputs, type Tensor } from "@saccade/core";
import type { Rope } from "@saccade/positions";
import { attentionMap } from "../seeing/attention-map.ts";
import { pairTerms, type PaddingAndMask } from "./attention-mask.ts";
import type { LayerAttention } from "./layer-attention.ts";
import type { RunOptions } from "./linear-layer.ts";
import { MultiHeadDecoder, type MultiHeadDecoderOptions } from "./multi-head-decoder.ts";
import { readMultiHead, type MultiHeadParameters, type MultiHeadSizes } from "./multi-head-state.ts";
import { rmsNorm } from "./rms-norm.ts";
import { checkSequence, headsOf, type Sequence } from "./sequence.ts";
import { StateReader, type LoadOptions, type State } from "./state.ts";

export interface MultiHeadAttentionOptions {
  /** Numbers of a token, in and out (embed_dim, hidden_size). */
  readonly modelDim: number;
  /** H, query heads (num_heads, num_attention_heads). */
  readonly heads: number;
  /** G, key heads, which divides H (num_key_value_heads). Default H. */
  readonly kvHeads?: number | undefined;
  /** D (head_dim). Default modelDim / heads. */
  readonly headDim?: number | undefined;
  /** Whether projections must have biases (true) or none (false). Default: as the parameters have it. */
  readonly bias?: boolean | undefined;
  /** Widths of what keys and values are made of (kdim, vdim). Default modelDim. */
  readonly keyDim?: number | undefined;
  readonly valueDim?: number | undefined;
  /** Which keys a query reads, and how: any variant of any package that needs no gates. Default `dense()`. */
  readonly attention?: LayerAttention | undefined;
  /** Turns queries and keys by their positions. Default: none. */
  readonly positions?: Rope | undefined;
  /** Epsilon of the norms of queries and keys, where parameters have them. Default 1e-6. */
  readonly normEpsilon?: number | undefined;
}

/** What keys and values are made of, where that is not the tokens themselves; two sequences of M tokens where their widths differ. */
export type Context = Sequence | { readonly key: Sequence; readonly value: Sequence };

export interface MultiHeadForwardOptions extends PaddingAndMask, RunOptions {
  /** Also return the weights. They take H N M numbers, or N M averaged. Default false (PyTorch: true). */
  readonly needWeights?: boolean | undefined;
  /** Weights as the mean over heads (average_attn_weights). Default true. */
  readonly averageWeights?: boolean | undefined;
  /** Position of the first token. Default 0. */
  readonly offset?: number | undefined;
  /** The length that dynamic NTK scales for. Default: that of the call. */
  readonly ropeLength?: number | undefined;
}

export interface MultiHeadResult {
  /** [B, N, modelDim] */
  readonly out: Sequence;
  /** [B, N, M] averaged, else [B, H, N, M]; when asked for. */
  readonly weights?: Float32Array;
}

/**
 * Attention as a layer: projections of tokens to queries, keys and values of several heads, positions, any attention between them, and a
 * projection back.
 *
 * ```text
 *   q = turn(norm(x Wq + bq))    k = turn(norm(c Wk + bk))    v = c Wv + bv        c: the context, or x
 *   out = attention(q, k, v) Wo + bo
 * ```
 *
 * Parameters have the names and shapes of PyTorch's nn.MultiheadAttention (batch first) or of the Llama family. Unlike PyTorch's, a query
 * that sees no key has no NaN: its heads give 0.
 *
 * @example
 * const layer = new MultiHeadAttention({ modelDim: 512, heads: 8, attention: slidingWindow({ window: 256 }) });
 * layer.load(parseSafetensors(bytes), { prefix: "encoder.layers.0.self_attn." });
 * const { out } = await layer.forward(sequence(tokens, [1, 1000, 512]));
 */
export class MultiHeadAttention {
  readonly sizes: MultiHeadSizes;
  readonly attention: LayerAttention;
  readonly positions: Rope | undefined;
  readonly #options: MultiHeadAttentionOptions;
  #parameters: MultiHeadParameters | undefined;

  /** @throws RangeError for sizes that make no sense. */
  constructor(options: MultiHeadAttentionOptions) {
    const where = "MultiHeadAttention";
    const { modelDim, heads, kvHeads = heads, headDim = modelDim / heads, attention = dense(), positions } = options;
    const { keyDim = modelDim, valueDim = modelDim } = options;
    this.sizes = { modelDim, heads, kvHeads, headDim, keyDim, valueDim };
    for (const [name, size] of Object.entries(this.sizes)) {
      if (!Number.isSafeInteger(size) || size < 1) {
        throw new RangeError(`${where}: ${name} is ${size}, expected an integer of at least 1`);
      }
    }
    if (heads % kvHeads !== 0) throw new RangeError(`${where}: kvHeads = ${kvHeads} does not divide heads = ${heads}`);
    if (positions !== undefined && positions.dim !== headDim) {
      throw new RangeError(`${where}: positions are made for D = ${positions.dim}, heads have D = ${headDim}`);
    }
    this.attention = attention;
    this.positions = positions;
    this.#options = options;
  }

  /**
   * Takes parameters; f16 and bf16 stay as they are until the first call packs them.
   *
   * - nn.MultiheadAttention: `in_proj_weight` (or `q_proj_weight`, `k_proj_weight`, `v_proj_weight`), `in_proj_bias`, `out_proj.weight`,
   *   `out_proj.bias`
   * - Llama and its relatives: `q_proj`, `k_proj`, `v_proj`, `o_proj` with `.weight` and maybe `.bias`; `q_norm.weight`, `k_norm.weight`
   *
   * @returns the layer.
   * @throws Error when a parameter is missing, or nobody has a use for one, RangeError for shapes that do not fit.
   */
  load(state: State, options: LoadOptions = {}): this {
    const where = "MultiHeadAttention.load";
    const parameters = readMultiHead(new StateReader(where, state, options), this.sizes);
    const { bias } = this.#options;
    const has = parameters.q.bias !== undefined;
    if (bias !== undefined && bias !== has) {
      throw new Error(`${where}: bias is ${bias}, but the parameters have ${has ? "biases" : "none"}`);
    }
    this.#parameters = parameters;
    return this;
  }

  /** The same layer with the same parameters, which are not copied, and another attention. */
  with({ attention }: { readonly attention: LayerAttention }): MultiHeadAttention {
    const layer = new MultiHeadAttention({ ...this.#options, attention });
    layer.#parameters = this.#parameters;
    return layer;
  }

  /**
   * Attention of tokens to each other, or to a context.
   *
   * @param x [B, N, modelDim]
   * @param context [B, M, keyDim], or keys and values apart. Default x.
   * @throws RangeError and TypeError (as a rejection) for sizes that do not fit, masks for an attention that takes none, and weights of one
   * that has none; Error before parameters are loaded.
   */
  async forward(x: Sequence, context?: Context, options: MultiHeadForwardOptions = {}): Promise<MultiHeadResult> {
    const where = "MultiHeadAttention.forward";
    const { needWeights = false, averageWeights = true, offset = 0, ropeLength } = options;
    const { runtime, threads, signal } = options;
    if (context !== undefined && this.positions !== undefined) {
      throw new TypeError(
        `${where}: positions of a context are not defined, expected no context or a layer without positions`,
      );
    }
    const tokens = await this.project(where, x, context, { runtime, threads, signal, offset, ropeLength });
    const sizes = { batch: x.batch, heads: this.sizes.heads, queries: x.length, keys: tokens.k.length };
    const terms = pairTerms(where, options, sizes);
    this.#checkTerms(where, terms);
    const inputs: AttentionInputs = { ...tokens, ...terms };
    const mixed = await this.attention.forward(inputs, { runtime, threads, signal });
    const out = await this.projectBack(where, mixed.out, { runtime, threads, signal });
    if (!needWeights) return { out };
    return { out, weights: await this.#weights(where, inputs, averageWeights, { runtime, threads, signal }) };
  }

  /**
   * The layer token by token, over a cache of its attention's. Splits do not matter where the attention is causal.
   *
   * @throws RangeError for sizes that make no sense; TypeError where the attention has no decoder.
   */
  decoder(options: MultiHeadDecoderOptions = {}): MultiHeadDecoder {
    const { heads, kvHeads, headDim } = this.sizes;
    const { ropeLength = options.capacity, ...sizes } = options;
    const cache = this.attention.decoder({ ...sizes, heads, kvHeads, headDim });
    return new MultiHeadDecoder(this, cache, { ...options, ropeLength });
  }

  /** Queries, keys and values of tokens, normed and turned, [B, N, H, D]. For layers built from this one. */
  async project(
    where: string,
    x: Sequence,
    context: Context | undefined,
    options: RunOptions & { readonly offset: number; readonly ropeLength: number | undefined },
  ): Promise<{ q: Tensor; k: Tensor; v: Tensor }> {
    const { q, k, v, qNorm, kNorm } = this.#loaded(where);
    const { heads, kvHeads } = this.sizes;
    const { key, value } =
      context === undefined ? { key: x, value: x } : "key" in context ? context : { key: context, value: context };
    if (key.batch !== x.batch || value.batch !== x.batch || value.length !== key.length) {
      throw new RangeError(
        `${where}: the context has [${key.batch}, ${key.length}] keys and [${value.batch}, ${value.length}] values, x has B = ${x.batch}`,
      );
    }
    const queries = await q.apply(where, "x", x, options);
    const keys = await k.apply(where, "the context", key, options);
    const values = await v.apply(where, "the context's values", value, options);
    const epsilon = this.#options.normEpsilon ?? 1e-6;
    if (qNorm !== undefined) rmsNorm(queries.data, qNorm, epsilon, queries.data);
    if (kNorm !== undefined) rmsNorm(keys.data, kNorm, epsilon, keys.data);
    return {
      q: await this.#turned(headsOf(queries, heads), options),
      k: await this.#turned(headsOf(keys, kvHeads), options),
      v: headsOf(values, kvHeads),
    };
  }

  /** What the attention gave, back to tokens, [B, N, modelDim]. */
  async projectBack(where: string, mixed: Tensor, options: RunOptions): Promise<Sequence> {
    const { batch, heads, length, width, data } = mixed;
    if (!(data instanceof Float32Array) || mixed.layout !== "bnhd" || heads !== this.sizes.heads) {
      throw new TypeError(
        `${where}: the attention gave ${heads} heads as "${mixed.layout}", expected ${this.sizes.heads} as "bnhd"`,
      );
    }
    const tokens: Sequence = { data, batch, length, width: heads * width };
    checkSequence(where, "the attention's output", tokens, this.sizes.heads * this.sizes.headDim);
    return this.#loaded(where).out.apply(where, "the attention's output", tokens, options);
  }

  #loaded(where: string): MultiHeadParameters {
    if (this.#parameters === undefined) throw new Error(`${where}: no parameters are loaded`);
    return this.#parameters;
  }

  async #turned(
    x: Tensor,
    {
      offset,
      ropeLength,
      runtime,
      signal,
    }: RunOptions & { readonly offset: number; readonly ropeLength: number | undefined },
  ): Promise<Tensor> {
    if (this.positions === undefined) return x;
    return (await this.positions.rotate(x, { out: x, offset, length: ropeLength, runtime, signal })).out;
  }

  /** A mask that is not read would be ignored without a word. */
  #checkTerms(where: string, terms: object): void {
    if (Object.keys(terms).length === 0 || isSoftmax(this.attention)) return;
    throw new TypeError(`${where}: masks go with softmax attention only, expected none here`);
  }

  async #weights(where: string, inputs: AttentionInputs, average: boolean, options: RunOptions): Promise<Float32Array> {
    if (!isSoftmax(this.attention))
      throw new TypeError(`${where}: this attention has no weights, expected softmax attention`);
    const { batch, length, heads } = inputs.q;
    const queries = Array.from({ length }, (_, n) => n);
    const each = (average ? 1 : heads) * length * inputs.k.length;
    const weights = new Float32Array(batch * each);
    for (let b = 0; b < batch; b++) {
      const map = await attentionMap(this.attention, inputs, { queries, average, batch: b, ...options });
      weights.set(map.weights, b * each);
    }
    return weights;
  }
}

function isSoftmax(attention: LayerAttention): attention is Attention {
  return "reference" in attention && "selection" in attention && !("gates" in attention);
}
