import { LinearLayer } from "./linear-layer.ts";
import type { StateReader } from "./state.ts";
import type { TensorNumbers } from "../safetensors/safetensors-file.ts";

/** Sizes of a layer of attention. */
export interface MultiHeadSizes {
  readonly modelDim: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  /** Widths of what keys and values are made of. */
  readonly keyDim: number;
  readonly valueDim: number;
}

/** Parameters of a layer of attention. */
export interface MultiHeadParameters {
  readonly q: LinearLayer;
  readonly k: LinearLayer;
  readonly v: LinearLayer;
  readonly out: LinearLayer;
  /** Weights of the norms of queries and keys: [headDim], or [heads * headDim] over all heads together. */
  readonly qNorm: Float32Array | undefined;
  readonly kNorm: Float32Array | undefined;
}

/** Parameters under the names of PyTorch's nn.MultiheadAttention or of the Llama family, whichever are there. */
export function readMultiHead(state: StateReader, sizes: MultiHeadSizes): MultiHeadParameters {
  for (const name of ["bias_k", "bias_v"]) {
    if (state.has(name)) throw new Error(`${state.where}: ${name} (add_bias_kv) is not supported`);
  }
  const parameters = state.has("out_proj.weight") ? pytorch(state, sizes) : llama(state, sizes);
  // Old Llama checkpoints store what follows from the settings.
  state.finish(["rotary_emb."]);
  return parameters;
}

/** in_proj_weight [3 E, E] stacks queries, keys and values; with kdim, vdim or grouped heads they stand apart. */
function pytorch(state: StateReader, sizes: MultiHeadSizes): MultiHeadParameters {
  const { modelDim, heads, kvHeads, headDim, keyDim, valueDim } = sizes;
  const rows = [heads * headDim, kvHeads * headDim, kvHeads * headDim] as const;
  const biases = state.optionalVector("in_proj_bias", rows[0] + rows[1] + rows[2]);
  const bias = (index: 0 | 1 | 2): Float32Array | undefined => {
    const from = rows.slice(0, index).reduce((sum, count) => sum + count, 0);
    return biases?.slice(from, from + rows[index]);
  };
  const stacked = state.has("in_proj_weight")
    ? state.read("in_proj_weight", [rows[0] + rows[1] + rows[2], modelDim])
    : undefined;
  const weights = (index: 0 | 1 | 2, name: string, width: number): TensorNumbers => {
    if (stacked === undefined) return state.read(name, [rows[index], width]);
    const from = rows.slice(0, index).reduce((sum, count) => sum + count, 0) * modelDim;
    const data = stacked.data.slice(from, from + rows[index] * modelDim);
    return { type: stacked.type, shape: [rows[index], modelDim], data };
  };
  return {
    q: new LinearLayer(weights(0, "q_proj_weight", modelDim), bias(0)),
    k: new LinearLayer(weights(1, "k_proj_weight", keyDim), bias(1)),
    v: new LinearLayer(weights(2, "v_proj_weight", valueDim), bias(2)),
    out: linearOf(state, "out_proj", modelDim, rows[0]),
    qNorm: undefined,
    kNorm: undefined,
  };
}

function llama(state: StateReader, sizes: MultiHeadSizes): MultiHeadParameters {
  const { modelDim, heads, kvHeads, headDim, keyDim, valueDim } = sizes;
  return {
    q: linearOf(state, "q_proj", heads * headDim, modelDim),
    k: linearOf(state, "k_proj", kvHeads * headDim, keyDim),
    v: linearOf(state, "v_proj", kvHeads * headDim, valueDim),
    out: linearOf(state, "o_proj", modelDim, heads * headDim),
    qNorm: normOf(state, "q_norm.weight", heads, headDim),
    kNorm: normOf(state, "k_norm.weight", kvHeads, headDim),
  };
}

/** `name.weight`, and `name.bias` where it is there. */
export function linearOf(state: StateReader, name: string, outputs: number, inputs: number): LinearLayer {
  const weights = state.read(`${name}.weight`, [outputs, inputs]);
  return new LinearLayer(weights, state.optionalVector(`${name}.bias`, outputs));
}

/** Qwen 3 and Gemma 3 norm each head by itself, OLMo 2 all heads together. */
function normOf(state: StateReader, name: string, heads: number, headDim: number): Float32Array | undefined {
  if (!state.has(name)) return undefined;
  const own = state.lengthOf(name) === headDim;
  return state.vector(name, own ? headDim : heads * headDim);
}
