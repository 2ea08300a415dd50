import { dense } from "@saccade/core";
import { rope } from "@saccade/positions";
import type { LayerAttention } from "../layers/layer-attention.ts";
import { LinearLayer, type RunOptions } from "../layers/linear-layer.ts";
import { MultiHeadAttention, type MultiHeadAttentionOptions } from "../layers/multi-head-attention.ts";
import { linearOf } from "../layers/multi-head-state.ts";
import type { Sequence } from "../layers/sequence.ts";
import { StateReader, type State } from "../layers/state.ts";
import { widen } from "../safetensors/number-types.ts";
import type { TensorNumbers } from "../safetensors/safetensors-file.ts";
import { normed, runBlock, type Block } from "./transformer-block.ts";
import type { TransformerConfig } from "./transformer-config.ts";
import { TransformerDecoder, type TransformerDecoderOptions } from "./transformer-decoder.ts";

/** The attention of every layer, or what says which it is. */
export type LayerChoice = LayerAttention | ((layer: number) => LayerAttention);

export interface TransformerOptions {
  /** Default: `dense({ causal: true })` in every layer. */
  readonly attention?: LayerChoice | undefined;
}

export interface TokensOptions extends RunOptions {
  /** The length that dynamic NTK scales for. Default: that of the call. */
  readonly ropeLength?: number | undefined;
}

/** Tokens whose logits are there at a time: a vocabulary of 128k takes 33 MB for them. */
const ROWS_AT_ONCE = 64;

interface Parts {
  readonly embeddings: TensorNumbers;
  readonly norm: Float32Array;
  readonly head: LinearLayer;
  readonly blocks: readonly Block[];
}

/**
 * A decoder-only transformer of the Llama family: embeddings, layers of attention and SwiGLU with RMSNorm in front, a norm, logits. Any
 * attention runs in it; weights that were trained with another one are then used as they are.
 *
 * One batch element; weights stay in memory, as stored until the first call packs them.
 *
 * @example
 * const model = Transformer.load(transformerConfig(text), parseSafetensors(bytes));
 * const windowed = model.with({ attention: slidingWindow({ window: 1024, sinks: 4 }) }); // the same weights
 * const losses = await windowed.losses(tokens);
 */
export class Transformer {
  readonly config: TransformerConfig;
  readonly #parts: Parts;

  private constructor(config: TransformerConfig, parts: Parts) {
    this.config = config;
    this.#parts = parts;
  }

  /**
   * @param state parameters under Llama's names: `model.embed_tokens.weight`, `model.layers.0.self_attn.q_proj.weight`, ..., `lm_head.weight`.
   * @throws Error when one is missing, or left over, RangeError for shapes that the configuration does not have.
   */
  static load(config: TransformerConfig, state: State, { attention }: TransformerOptions = {}): Transformer {
    const where = "Transformer.load";
    const { modelDim, vocabulary, tiedEmbeddings } = config;
    const top = new StateReader(where, state);
    const embeddings = top.read("model.embed_tokens.weight", [vocabulary, modelDim]);
    const norm = top.vector("model.norm.weight", modelDim);
    // Files of tied models may hold the matrix twice.
    const tied = tiedEmbeddings || !top.has("lm_head.weight");
    if (tied && !tiedEmbeddings) throw new Error(`${where}: lm_head.weight is missing, and embeddings are not tied`);
    const head = tied ? new LinearLayer(embeddings, undefined) : linearOf(top, "lm_head", vocabulary, modelDim);
    const chosen = choose(attention);
    const positions = rope(config.rope);
    const blocks = Array.from({ length: config.layers }, (_, layer) =>
      readBlock(config, state, layer, { attention: chosen(layer), positions }),
    );
    top.finish(["lm_head.weight", ...blocks.map((_, layer) => `model.layers.${layer}.`), "model.rotary_emb."]);
    return new Transformer(config, { embeddings, norm, head, blocks });
  }

  /** The same weights, which are not copied, with another attention. */
  with({ attention }: { readonly attention: LayerChoice }): Transformer {
    const chosen = choose(attention);
    const blocks = this.#parts.blocks.map((block, layer) => ({
      ...block,
      attention: block.attention.with({ attention: chosen(layer) }),
    }));
    return new Transformer(this.config, { ...this.#parts, blocks });
  }

  /** The attention layers, from the first to the last. */
  get attentions(): readonly MultiHeadAttention[] {
    return this.#parts.blocks.map(({ attention }) => attention);
  }

  /**
   * What the last norm gives for each token, [1, N, modelDim].
   *
   * @throws RangeError (as a rejection) for a token that is not of the vocabulary.
   */
  async hidden(tokens: ArrayLike<number>, options: TokensOptions = {}): Promise<Sequence> {
    return this.run(tokens, options, (layer) => async (x) => {
      const { out } = await this.#parts.blocks[layer]!.attention.forward(x, undefined, options);
      return out;
    });
  }

  /** Logits of the token after each one, [N, vocabulary]. */
  async forward(tokens: ArrayLike<number>, options: TokensOptions = {}): Promise<Float32Array> {
    return this.logits(await this.hidden(tokens, options), options);
  }

  /** Logits from what the last norm gives. */
  async logits(hidden: Sequence, options: RunOptions = {}): Promise<Float32Array> {
    return (await this.#parts.head.apply("Transformer.logits", "hidden", hidden, options)).data;
  }

  /**
   * -ln p of tokens 1 to N - 1, each after those before it, [N - 1]. Logits of 64 tokens are there at a time, never of all.
   *
   * @throws RangeError (as a rejection) for a token that is not of the vocabulary.
   */
  async losses(tokens: ArrayLike<number>, options: TokensOptions = {}): Promise<Float64Array> {
    const hidden = await this.hidden(tokens, options);
    const { width } = hidden;
    const losses = new Float64Array(Math.max(0, tokens.length - 1));
    for (let from = 0; from < losses.length; from += ROWS_AT_ONCE) {
      const length = Math.min(ROWS_AT_ONCE, losses.length - from);
      const data = hidden.data.subarray(from * width, (from + length) * width);
      const logits = await this.logits({ data, batch: 1, length, width }, options);
      for (let i = 0; i < length; i++) {
        const row = logits.subarray(i * this.config.vocabulary, (i + 1) * this.config.vocabulary);
        losses[from + i] = logSumExp(row) - row[tokens[from + i + 1]!]!;
      }
    }
    return losses;
  }

  /**
   * The model token by token, over the caches of its layers.
   *
   * @throws TypeError where an attention has no decoder, RangeError for sizes that make no sense.
   */
  decoder(options: TransformerDecoderOptions): TransformerDecoder {
    const caches = this.#parts.blocks.map(({ attention }) => attention.decoder(options));
    return new TransformerDecoder(this, caches, options);
  }

  /** Runs all layers, each with the attention that `attend` gives for it. For decoders of this model. */
  async run(
    tokens: ArrayLike<number>,
    options: RunOptions,
    attend: (layer: number) => (normed: Sequence) => Promise<Sequence>,
  ): Promise<Sequence> {
    const { norm, blocks } = this.#parts;
    const x = this.#embedded(tokens);
    for (const [layer, block] of blocks.entries()) await runBlock(block, x, attend(layer), options);
    return normed(x, norm, this.config.normEpsilon);
  }

  #embedded(tokens: ArrayLike<number>): Sequence {
    const { modelDim, vocabulary } = this.config;
    const { type, data } = this.#parts.embeddings;
    const rows = new Float32Array(tokens.length * modelDim);
    for (let n = 0; n < tokens.length; n++) {
      const token = tokens[n]!;
      if (!Number.isInteger(token) || token < 0 || token >= vocabulary) {
        throw new RangeError(`Transformer: tokens[${n}] is ${token}, expected an integer in 0..${vocabulary - 1}`);
      }
      rows.set(widen(type, data.subarray(token * modelDim, (token + 1) * modelDim)), n * modelDim);
    }
    return { data: rows, batch: 1, length: tokens.length, width: modelDim };
  }
}

function choose(attention: LayerChoice | undefined): (layer: number) => LayerAttention {
  if (typeof attention === "function") return attention;
  const same = attention ?? dense({ causal: true });
  return () => same;
}

function readBlock(
  config: TransformerConfig,
  state: State,
  layer: number,
  shared: Required<Pick<MultiHeadAttentionOptions, "attention" | "positions">>,
): Block {
  const { modelDim, hiddenDim, heads, kvHeads, headDim, normEpsilon } = config;
  const prefix = `model.layers.${layer}.`;
  const reader = new StateReader("Transformer.load", state, { prefix });
  const own = new MultiHeadAttention({ ...shared, modelDim, heads, kvHeads, headDim, normEpsilon });
  const block: Block = {
    attention: own.load(state, { prefix: `${prefix}self_attn.` }),
    parameters: {
      inputNorm: reader.vector("input_layernorm.weight", modelDim),
      middleNorm: reader.vector("post_attention_layernorm.weight", modelDim),
      gate: linearOf(reader, "mlp.gate_proj", hiddenDim, modelDim),
      up: linearOf(reader, "mlp.up_proj", hiddenDim, modelDim),
      down: linearOf(reader, "mlp.down_proj", modelDim, hiddenDim),
      epsilon: normEpsilon,
    },
  };
  reader.finish(["self_attn."]);
  return block;
}

function logSumExp(row: Float32Array): number {
  let most = -Infinity;
  for (const x of row) if (x > most) most = x;
  let sum = 0;
  for (const x of row) sum += Math.exp(x - most);
  return most + Math.log(sum);
}
