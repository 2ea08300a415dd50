import { addedScore } from "../measure/added-score.ts";
import { headsFirst, type Inputs } from "../measure/inputs.ts";
import type { CallShape } from "../measure/shape.ts";
import { randomBlocks } from "../measure/random-blocks.ts";
import { visibleKeys } from "../measure/visible-keys.ts";
import { encodeModel, type NodeModel, type ValueInfo } from "../peers/onnx-model.ts";
import { headsFirstReader, positionsFirst, type Prepared } from "./system.ts";

/** The part of onnxruntime's API (the same in Node and in WebAssembly) that the benchmarks use. */
export interface Ort {
  readonly env: { logLevel?: string; wasm: { numThreads?: number; proxy?: boolean } };
  readonly Tensor: new (
    type: "float32" | "int32",
    data: Float32Array | Int32Array,
    dims: readonly number[],
  ) => OrtTensor;
  readonly InferenceSession: { create(model: Uint8Array, options: SessionOptions): Promise<OrtSession> };
}
export interface OrtTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
  dispose(): void;
}
export interface OrtSession {
  run(feeds: Record<string, OrtTensor>, fetches?: Record<string, OrtTensor | null>): Promise<Record<string, OrtTensor>>;
}
export interface SessionOptions {
  readonly executionProviders: readonly string[];
  readonly intraOpNumThreads?: number;
  readonly interOpNumThreads?: number;
  readonly logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
}

export type OrtOperator = "MultiHeadAttention" | "GroupQueryAttention" | "Attention" | "SparseAttention";

interface Call {
  readonly model: NodeModel;
  readonly feeds: Record<string, OrtTensor>;
  /** Where outputs go; without them they are new. */
  readonly fetches?: Record<string, OrtTensor>;
  readonly layout: "bnhd" | "bhnd";
}

/** One session that holds one attention node, run with the same tensors again and again. */
export async function prepareOrt(
  ort: Ort,
  options: SessionOptions,
  operator: OrtOperator,
  shape: CallShape,
  inputs: Inputs,
): Promise<Prepared> {
  const { model, feeds, fetches, layout } = CALLS[operator](ort, shape, inputs);
  const session = await ort.InferenceSession.create(encodeModel(model), { logSeverityLevel: 3, ...options });
  let out: OrtTensor | undefined;
  return {
    run: async () => {
      out = (await (fetches === undefined ? session.run(feeds) : session.run(feeds, fetches)))["out"];
    },
    read: () => {
      if (!out) throw new Error("nothing ran");
      return layout === "bnhd" ? positionsFirst(out.data, shape) : headsFirstReader(out.data, shape);
    },
  };
}

const value = (name: string, type: ValueInfo["type"], shape: ValueInfo["shape"]): ValueInfo => ({ name, type, shape });

const CALLS: Record<OrtOperator, (ort: Ort, shape: CallShape, inputs: Inputs) => Call> = {
  // Without a past, and with outputs that nobody asks for left out: what its flash path needs.
  MultiHeadAttention: (ort, shape, { q, k, v }) => {
    const { B, H, G, N, M, D, E, causal } = shape;
    const bias = pairBias(shape);
    if (G !== H) throw new Error(`MultiHeadAttention has no grouped heads (H ${H}, G ${G})`);
    return {
      layout: "bnhd",
      model: {
        operator: "MultiHeadAttention",
        domain: "com.microsoft",
        inputs: [
          value("q", "float32", [B, N, H * D]),
          value("k", "float32", [B, M, H * D]),
          value("v", "float32", [B, M, H * E]),
          ...(bias ? [undefined, undefined, value("bias", "float32", bias.dims)] : []),
        ],
        outputs: [value("out", "float32", [B, N, H * E])],
        integers: { num_heads: H, unidirectional: causal ? 1 : 0 },
      },
      feeds: {
        q: new ort.Tensor("float32", q, [B, N, H * D]),
        k: new ort.Tensor("float32", k, [B, M, H * D]),
        v: new ort.Tensor("float32", v, [B, M, H * E]),
        ...(bias && { bias: new ort.Tensor("float32", bias.data, bias.dims) }),
      },
    };
  },
  // Always causal. It keeps a cache, so it declares its three outputs, and keys before the first query are its past.
  GroupQueryAttention: (ort, { B, H, G, N, M, D, E, causal, window, softcap }, { q, k, v }) => {
    if (!causal && N !== 1) throw new Error("GroupQueryAttention is always causal");
    if (D !== E) throw new Error(`GroupQueryAttention has one width (D ${D}, E ${E})`);
    const past = M - N;
    if (past < 0) throw new Error(`GroupQueryAttention needs M >= N (N ${N}, M ${M})`);
    const tail = (data: Float32Array): Float32Array => {
      if (past === 0) return data;
      const rows = new Float32Array(B * N * G * D);
      for (let b = 0; b < B; b++) rows.set(data.subarray((b * M + past) * G * D, (b + 1) * M * G * D), b * N * G * D);
      return rows;
    };
    const head = (data: Float32Array): Float32Array => {
      const rows = new Float32Array(B * past * G * D);
      for (let b = 0; b < B; b++) rows.set(data.subarray(b * M * G * D, (b * M + past) * G * D), b * past * G * D);
      return headsFirst(rows, B, past, G, D);
    };
    return {
      layout: "bnhd",
      model: {
        operator: "GroupQueryAttention",
        domain: "com.microsoft",
        inputs: [
          value("q", "float32", [B, N, H * D]),
          value("k", "float32", [B, N, G * D]),
          value("v", "float32", [B, N, G * D]),
          past > 0 ? value("pastK", "float32", [B, G, "past", D]) : undefined,
          past > 0 ? value("pastV", "float32", [B, G, "past", D]) : undefined,
          value("lengths", "int32", [B]),
          value("total", "int32", [1]),
        ],
        outputs: [
          value("out", "float32", [B, N, H * D]),
          value("presentK", "float32", [B, G, "present", D]),
          value("presentV", "float32", [B, G, "present", D]),
        ],
        integers: { num_heads: H, kv_num_heads: G, ...(window !== undefined && { local_window_size: window }) },
        floats: softcap === undefined ? {} : { softcap },
      },
      feeds: {
        q: new ort.Tensor("float32", q, [B, N, H * D]),
        k: new ort.Tensor("float32", tail(k), [B, N, G * D]),
        v: new ort.Tensor("float32", tail(v), [B, N, G * D]),
        ...(past > 0 && {
          pastK: new ort.Tensor("float32", head(k), [B, G, past, D]),
          pastV: new ort.Tensor("float32", head(v), [B, G, past, D]),
        }),
        lengths: new ort.Tensor("int32", new Int32Array(B).fill(M - 1), [B]),
        total: new ort.Tensor("int32", Int32Array.of(M), [1]),
      },
    };
  },
  // Always causal, with a cache that its outputs must share: a call that names the same tensors on both sides. Lists are compressed rows.
  SparseAttention: (ort, { B, H, G, N, M, D, E, causal, blocks, density = 1 }, { q, k, v }) => {
    if (!causal || blocks === undefined) throw new Error("SparseAttention is causal and needs blocks");
    if (D !== E || N !== M)
      throw new Error(`SparseAttention has one width and one length here (D ${D}, E ${E}, N ${N}, M ${M})`);
    const { starts, keyBlocks } = randomBlocks({ rows: Math.ceil(N / blocks), density, causal });
    const cache = (): OrtTensor => new ort.Tensor("float32", new Float32Array(B * G * N * D), [B, G, N, D]);
    const [cacheK, cacheV] = [cache(), cache()];
    return {
      layout: "bnhd",
      model: {
        operator: "SparseAttention",
        domain: "com.microsoft",
        inputs: [
          value("q", "float32", [B, N, H * D]),
          value("k", "float32", [B, N, G * D]),
          value("v", "float32", [B, N, G * D]),
          value("pastK", "float32", [B, G, N, D]),
          value("pastV", "float32", [B, G, N, D]),
          value("rows", "int32", [1, starts.length]),
          value("columns", "int32", [1, keyBlocks.length]),
          value("total", "int32", [1]),
          value("lengths", "int32", [B]),
        ],
        outputs: [
          value("out", "float32", [B, N, H * D]),
          value("presentK", "float32", [B, G, N, D]),
          value("presentV", "float32", [B, G, N, D]),
        ],
        integers: { num_heads: H, kv_num_heads: G, sparse_block_size: blocks },
      },
      feeds: {
        q: new ort.Tensor("float32", q, [B, N, H * D]),
        k: new ort.Tensor("float32", k, [B, N, G * D]),
        v: new ort.Tensor("float32", v, [B, N, G * D]),
        pastK: cacheK,
        pastV: cacheV,
        rows: new ort.Tensor("int32", starts, [1, starts.length]),
        columns: new ort.Tensor("int32", keyBlocks, [1, keyBlocks.length]),
        total: new ort.Tensor("int32", Int32Array.of(N), [1]),
        lengths: new ort.Tensor("int32", new Int32Array(B).fill(N), [B]),
      },
      fetches: {
        out: new ort.Tensor("float32", new Float32Array(B * N * H * D), [B, N, H * D]),
        presentK: cacheK,
        presentV: cacheV,
      },
    };
  },
  // ONNX's own operator, version 23, with four axes. Its causal mask has its corner at the top left.
  Attention: (ort, { B, H, G, N, M, D, E, causal, softcap }, { q, k, v }) => {
    if (causal && N !== M) throw new Error(`Attention-23 aligns a causal mask at the top left (N ${N}, M ${M})`);
    return {
      layout: "bhnd",
      model: {
        operator: "Attention",
        domain: "",
        inputs: [
          value("q", "float32", [B, H, N, D]),
          value("k", "float32", [B, G, M, D]),
          value("v", "float32", [B, G, M, E]),
        ],
        outputs: [value("out", "float32", [B, H, N, E])],
        integers: { is_causal: causal ? 1 : 0 },
        floats: softcap === undefined ? {} : { softcap },
      },
      feeds: {
        q: new ort.Tensor("float32", headsFirst(q, B, N, H, D), [B, H, N, D]),
        k: new ort.Tensor("float32", headsFirst(k, B, M, G, D), [B, G, M, D]),
        v: new ort.Tensor("float32", headsFirst(v, B, M, G, E), [B, G, M, E]),
      },
    };
  },
};

/** Far below any score, and finite: this operator adds it to scores that its own causal mask has hidden. */
const HIDDEN = -1e9;

/** What a call adds to and hides from pairs as a tensor [1, H or 1, N, M], the only way to tell this operator. */
function pairBias(shape: CallShape): { readonly data: Float32Array; readonly dims: readonly number[] } | undefined {
  const { H, N, M, score, documents } = shape;
  if (score === undefined && documents === undefined) return undefined;
  const heads = score === undefined ? 1 : H;
  const added = addedScore(shape);
  const keysOf = visibleKeys(shape);
  const data = new Float32Array(heads * N * M).fill(HIDDEN);
  for (let i = 0; i < N; i++) {
    const { count, key } = keysOf(i);
    for (let h = 0; h < heads; h++) {
      for (let j = 0; j < count; j++) data[(h * N + i) * M + key(j)] = added(h, i + M - N, key(j));
    }
  }
  return { data, dims: [1, heads, N, M] };
}
