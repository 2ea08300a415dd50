import { narrow, type TensorNumbers } from "../../src/index.ts";
import { normal } from "../seeing/normal.ts";

/** A config.json of a small model, with everything that tests change. */
export interface GeneratedConfig {
  readonly model_type: "llama" | "qwen2" | "qwen3";
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly num_attention_heads: number;
  readonly num_key_value_heads: number;
  readonly head_dim: number;
  readonly vocab_size: number;
  readonly rms_norm_eps: number;
  readonly rope_theta: number;
  readonly rope_scaling: Readonly<Record<string, unknown>> | null;
  readonly tie_word_embeddings: boolean;
  readonly max_position_embeddings: number;
}

export const SMALL: GeneratedConfig = {
  model_type: "llama",
  hidden_size: 24,
  intermediate_size: 40,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 50,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  rope_scaling: null,
  tie_word_embeddings: false,
  max_position_embeddings: 64,
};

/** Weights under Llama's names, from a seed: of a size that makes every part of the model count. */
export function generatedState(config: GeneratedConfig, type: "f32" | "bf16" = "f32"): Record<string, TensorNumbers> {
  const { hidden_size: width, intermediate_size: inner, head_dim: D, vocab_size: vocabulary } = config;
  const [H, G] = [config.num_attention_heads, config.num_key_value_heads];
  const state: Record<string, TensorNumbers> = {};
  let seed = 1;
  const put = (name: string, shape: readonly number[], scale: number, mean = 0): void => {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = normal(count, seed++).map((x) => mean + scale * x);
    state[name] = { type, shape, data: narrow(type, data) };
  };
  const linear = (name: string, outputs: number, inputs: number, biased = false): void => {
    put(`${name}.weight`, [outputs, inputs], 1.4 / Math.sqrt(inputs));
    if (biased) put(`${name}.bias`, [outputs], 0.3);
  };
  put("model.embed_tokens.weight", [vocabulary, width], 1);
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const prefix = `model.layers.${layer}.`;
    const biased = config.model_type === "qwen2";
    put(`${prefix}input_layernorm.weight`, [width], 0.2, 1);
    linear(`${prefix}self_attn.q_proj`, H * D, width, biased);
    linear(`${prefix}self_attn.k_proj`, G * D, width, biased);
    linear(`${prefix}self_attn.v_proj`, G * D, width, biased);
    linear(`${prefix}self_attn.o_proj`, width, H * D);
    if (config.model_type === "qwen3") {
      put(`${prefix}self_attn.q_norm.weight`, [D], 0.2, 1);
      put(`${prefix}self_attn.k_norm.weight`, [D], 0.2, 1);
    }
    put(`${prefix}post_attention_layernorm.weight`, [width], 0.2, 1);
    linear(`${prefix}mlp.gate_proj`, inner, width);
    linear(`${prefix}mlp.up_proj`, inner, width);
    linear(`${prefix}mlp.down_proj`, width, inner);
  }
  put("model.norm.weight", [width], 0.2, 1);
  if (!config.tie_word_embeddings) linear("lm_head", vocabulary, width);
  return state;
}
