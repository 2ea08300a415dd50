import type { RopeOptions, RopeScaling } from "@saccade/positions";

/** Settings of a decoder-only transformer of the Llama family. */
export interface TransformerConfig {
  /** hidden_size */
  readonly modelDim: number;
  /** intermediate_size: width inside of the feed-forward part. */
  readonly hiddenDim: number;
  /** num_hidden_layers */
  readonly layers: number;
  /** num_attention_heads */
  readonly heads: number;
  /** num_key_value_heads */
  readonly kvHeads: number;
  /** head_dim */
  readonly headDim: number;
  /** vocab_size */
  readonly vocabulary: number;
  /** rms_norm_eps */
  readonly normEpsilon: number;
  readonly rope: RopeOptions;
  /** tie_word_embeddings: whether the matrix that gives tokens their vectors also gives them their logits. */
  readonly tiedEmbeddings: boolean;
  /** max_position_embeddings: the length that it was made for. */
  readonly maxLength: number;
  /** bos_token_id: what texts begin with; undefined where there is none. */
  readonly firstToken: number | undefined;
}

/** Architectures whose layers are these: RMSNorm, attention with RoPE, SwiGLU, and nothing else between. */
const FAMILIES: ReadonlySet<unknown> = new Set(["llama", "mistral", "qwen2", "qwen3"]);

/**
 * Settings from the text or the contents of a Hugging Face config.json.
 *
 * The attention is not among them: a `sliding_window` is the caller's to choose.
 *
 * @throws Error naming what is missing, makes no sense, or is of another architecture.
 */
export function transformerConfig(json: string | Readonly<Record<string, unknown>>): TransformerConfig {
  const parsed: unknown = typeof json === "string" ? JSON.parse(json) : json;
  if (!isRecord(parsed)) throw new Error("transformerConfig: expected an object");
  const fields = new Fields("transformerConfig", parsed);
  if (!FAMILIES.has(parsed["model_type"])) {
    throw new Error(
      `transformerConfig: model_type is ${JSON.stringify(parsed["model_type"])}, expected ${[...FAMILIES].join(", ")}`,
    );
  }
  const activation = parsed["hidden_act"] ?? "silu";
  if (activation !== "silu") {
    throw new Error(`transformerConfig: hidden_act is ${JSON.stringify(activation)}, expected "silu"`);
  }
  const modelDim = fields.whole("hidden_size");
  const heads = fields.whole("num_attention_heads");
  const headDim = fields.whole("head_dim", modelDim / heads);
  const maxLength = fields.whole("max_position_embeddings", 2048);
  const first = parsed["bos_token_id"];
  return {
    modelDim,
    hiddenDim: fields.whole("intermediate_size"),
    layers: fields.whole("num_hidden_layers"),
    heads,
    kvHeads: fields.whole("num_key_value_heads", heads),
    headDim,
    vocabulary: fields.whole("vocab_size"),
    normEpsilon: fields.number("rms_norm_eps", 1e-6),
    rope: ropeOf(fields, headDim, maxLength),
    tiedEmbeddings: parsed["tie_word_embeddings"] === true,
    maxLength,
    firstToken: typeof first === "number" ? first : undefined,
  };
}

/** `rope_theta` and `rope_scaling`, or both as `rope_parameters` in newer files. */
function ropeOf(fields: Fields, headDim: number, maxLength: number): RopeOptions {
  const own = fields.record("rope_parameters") ?? fields.record("rope_scaling");
  const base = fields.number("rope_theta", own?.number("rope_theta", 10_000) ?? 10_000);
  const partial = fields.number("partial_rotary_factor", own?.number("partial_rotary_factor", 1) ?? 1);
  const rotaryDim = Math.floor(headDim * partial);
  return { dim: headDim, rotaryDim, base, scaling: own && scalingOf(own, maxLength) };
}

function scalingOf(fields: Fields, maxLength: number): RopeScaling | undefined {
  const type = fields.all["rope_type"] ?? fields.all["type"] ?? "default";
  const factor = (): number => fields.number("factor");
  const originalLength = fields.whole("original_max_position_embeddings", maxLength);
  switch (type) {
    case "default":
      return undefined;
    case "linear":
      return { type: "linear", factor: factor() };
    case "dynamic":
      return { type: "dynamic-ntk", factor: factor(), originalLength };
    case "llama3":
      return {
        type: "llama3",
        factor: factor(),
        lowFrequencyFactor: fields.number("low_freq_factor"),
        highFrequencyFactor: fields.number("high_freq_factor"),
        originalLength,
      };
    case "yarn":
      return {
        type: "yarn",
        factor: factor(),
        originalLength,
        betaFast: fields.number("beta_fast", 32),
        betaSlow: fields.number("beta_slow", 1),
        attentionFactor: yarnFactor(fields, factor()),
        truncate: fields.all["truncate"] !== false,
      };
    default:
      throw new Error(
        `transformerConfig: rope type is ${JSON.stringify(type)}, expected default, linear, dynamic, yarn or llama3`,
      );
  }
}

/** What cos and sin are multiplied by: as given, or by DeepSeek's mscale over mscale_all_dim, where both are; else the default. */
function yarnFactor(fields: Fields, factor: number): number | undefined {
  const given = fields.all["attention_factor"];
  if (given !== undefined && given !== null) return fields.number("attention_factor");
  const [scale, all] = [fields.number("mscale", 0), fields.number("mscale_all_dim", 0)];
  if (scale === 0 || all === 0) return undefined;
  const of = (m: number): number => (factor <= 1 ? 1 : 0.1 * m * Math.log(factor) + 1);
  return of(scale) / of(all);
}

class Fields {
  readonly all: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(where: string, all: Readonly<Record<string, unknown>>) {
    this.#where = where;
    this.all = all;
  }

  number(name: string, otherwise?: number): number {
    const value = this.all[name] ?? otherwise;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    throw new Error(`${this.#where}: ${name} is ${JSON.stringify(value)}, expected a number`);
  }

  whole(name: string, otherwise?: number): number {
    const value = this.number(name, otherwise);
    if (Number.isSafeInteger(value) && value >= 1) return value;
    throw new Error(`${this.#where}: ${name} is ${value}, expected an integer of at least 1`);
  }

  record(name: string): Fields | undefined {
    const value = this.all[name];
    if (value === undefined || value === null) return undefined;
    if (isRecord(value)) return new Fields(`${this.#where}: ${name}`, value);
    throw new Error(`${this.#where}: ${name} is ${JSON.stringify(value)}, expected an object`);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
