import { loadPeer } from "../peers/load-peer.ts";
import { encodeModel, type ValueInfo } from "../peers/onnx-model.ts";
import type { Ort, OrtTensor } from "../systems/onnxruntime.ts";

/** Update rules of onnxruntime's LinearAttention. */
export type UpdateRule = "linear" | "gated" | "delta" | "gated_delta";

/** Sizes of a call of one batch element with as many value heads as query heads. */
export interface LinearSizes {
  readonly H: number;
  readonly N: number;
  readonly D: number;
}

/** Tokens as the peer takes them, [1, N, heads, width]. */
export interface PackedTokens {
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  /** [1, N, H or H D] */
  readonly decay?: Float32Array | undefined;
  /** [1, N, H] */
  readonly beta?: Float32Array | undefined;
}

/** onnxruntime-node's LinearAttention: each call computes all tokens and resolves to [1, N, H D]. */
export async function ortLinear(
  rule: UpdateRule,
  { H, N, D }: LinearSizes,
  tokens: PackedTokens,
  threads: number,
): Promise<() => Promise<Float32Array>> {
  const ort = await loadPeer<Ort>("onnxruntime-node");
  const value = (name: string, width: number): ValueInfo => ({ name, type: "float32", shape: [1, N, width] });
  const { q, k, v, decay, beta } = tokens;
  const inputs = [
    value("q", H * D),
    value("k", H * D),
    value("v", H * D),
    undefined,
    decay && value("decay", decay.length / N),
    beta && value("beta", H),
  ];
  while (inputs.at(-1) === undefined) inputs.pop();
  const model = encodeModel({
    operator: "LinearAttention",
    domain: "com.microsoft",
    inputs,
    outputs: [value("out", H * D), { name: "state", type: "float32", shape: [1, H, D, D] }],
    integers: { q_num_heads: H, kv_num_heads: H },
    floats: { scale: 1 / Math.sqrt(D) },
    strings: { update_rule: rule },
  });
  const session = await ort.InferenceSession.create(model, {
    logSeverityLevel: 3,
    executionProviders: ["cpu"],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const tensor = (data: Float32Array): OrtTensor => new ort.Tensor("float32", data, [1, N, data.length / N]);
  const feeds: Record<string, OrtTensor> = { q: tensor(q), k: tensor(k), v: tensor(v) };
  if (decay) feeds["decay"] = tensor(decay);
  if (beta) feeds["beta"] = tensor(beta);
  return async () => (await session.run(feeds))["out"]!.data;
}
