import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TensorNumbers } from "@saccade/nn";
import { writeSafetensors } from "@saccade/nn/node";

const CONFIG = {
  model_type: "llama",
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  vocab_size: 27,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 512,
};

/** Vectors of words of the letters a to z, and one for the beginning of a text. */
const VOCABULARY: Readonly<Record<string, number>> = Object.fromEntries([
  ["<s>", 0],
  ...Array.from({ length: 26 }, (_, i) => [String.fromCharCode(97 + i), i + 1] as const),
]);

/** A folder with a model of two layers, whose tokens are letters with spaces between them. `uniform`: it predicts all 27 alike. */
export function writeTinyModel(folder: string, { uniform = false }: { readonly uniform?: boolean } = {}): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "config.json"), JSON.stringify(CONFIG));
  writeSafetensors(join(folder, "model.safetensors"), weights(uniform));
  writeFileSync(join(folder, "tokenizer.json"), JSON.stringify(TOKENIZER));
}

const TOKENIZER = {
  version: "1.0",
  added_tokens: [
    { id: 0, content: "<s>", special: true, single_word: false, lstrip: false, rstrip: false, normalized: false },
  ],
  normalizer: null,
  pre_tokenizer: { type: "WhitespaceSplit" },
  post_processor: {
    type: "TemplateProcessing",
    single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
    pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
    special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] } },
  },
  decoder: null,
  model: { type: "WordLevel", vocab: VOCABULARY, unk_token: "<s>" },
};

function weights(uniform: boolean): Record<string, TensorNumbers> {
  const { hidden_size: width, intermediate_size: inner, vocab_size: vocabulary } = CONFIG;
  const state: Record<string, TensorNumbers> = {};
  let seed = 1;
  const next = (): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed / 2 ** 31 - 1;
  };
  const put = (name: string, shape: readonly number[], scale: number): void => {
    const count = shape.reduce((product, size) => product * size, 1);
    state[name] = { type: "f32", shape, data: Float32Array.from({ length: count }, () => scale * next()) };
  };
  const ones = (name: string): void => {
    state[name] = { type: "f32", shape: [width], data: new Float32Array(width).fill(1) };
  };
  put("model.embed_tokens.weight", [vocabulary, width], 1);
  for (let layer = 0; layer < CONFIG.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}.`;
    ones(`${at}input_layernorm.weight`);
    put(`${at}self_attn.q_proj.weight`, [width, width], 0.7);
    put(`${at}self_attn.k_proj.weight`, [width / 2, width], 0.7);
    put(`${at}self_attn.v_proj.weight`, [width / 2, width], 0.7);
    put(`${at}self_attn.o_proj.weight`, [width, width], 0.7);
    ones(`${at}post_attention_layernorm.weight`);
    put(`${at}mlp.gate_proj.weight`, [inner, width], 0.5);
    put(`${at}mlp.up_proj.weight`, [inner, width], 0.5);
    put(`${at}mlp.down_proj.weight`, [width, inner], 0.5);
  }
  ones("model.norm.weight");
  put("lm_head.weight", [vocabulary, width], uniform ? 0 : 0.5);
  return state;
}
