import { tensor, type Gate, type LinearAttention, type LinearInputs, type Tensor } from "@saccade/core";
import { deltaNet, gated, gatedDeltaNet, identity, kimiDelta, linear, scalarGated } from "@saccade/linear";
import { headsView, outputTensor } from "./heads.ts";
import { checkAttributes, numberAttribute, requiredInput, type Operator, type OperatorCall } from "./operator.ts";
import type { OnnxTensor } from "./proto.ts";
import { Unsupported } from "./unsupported.ts";

const ATTRIBUTES = ["chunk_size", "kv_num_heads", "q_num_heads", "scale", "update_rule"];

/**
 * ONNX LinearAttention, version 27, in f32 whatever the element type. `chunk_size` is a hint for implementations. A state [B, kv heads, D, E] goes in
 * and comes out; decay is a natural logarithm, by head or by key channel; beta is by head, or one for all of them.
 */
export const linearAttention: Operator = async (call) => {
  checkAttributes(call, ATTRIBUTES, {});
  const [query, key, value] = [requiredInput(call, 0), requiredInput(call, 1), requiredInput(call, 2)];
  for (const { type } of [query, key, value]) {
    if (!["float", "float16", "bfloat16"].includes(type)) throw new Unsupported(`LinearAttention of ${type}`);
  }
  const kvHeads = numberAttribute(call, "kv_num_heads");
  const q = headsView(query, numberAttribute(call, "q_num_heads"));
  // Keys may have fewer heads than values: their width says how many.
  const k = headsView(key, key.shape.length === 3 ? key.shape[2]! / q.width : undefined);
  const v = headsView(value, kvHeads);
  const [decay, beta] = [gateView(call.inputs[4], v), gateView(call.inputs[5], v)];
  const attend = variantOf(call, decay, q.width);
  const state = attend.state({
    batch: q.batch,
    heads: q.heads,
    kvHeads: k.heads,
    valueHeads: v.heads,
    headDim: q.width,
    valueDim: v.width,
  });
  const past = call.inputs[3];
  if (past !== undefined) state.part("memory").set(past.values);
  const inputs = { q, k, v, decay, beta, state } as unknown as LinearInputs<Gate>;
  const result = await attend.forward(inputs, { runtime: call.runtime, state: true });
  call.onRun?.(result);
  const y = query.shape.length === 3 ? [q.batch, q.length, result.out.heads * v.width] : shapeOf(result.out);
  return [
    outputTensor(query.type, y, result.out.data as Float32Array),
    call.wanted[1]
      ? outputTensor(past?.type ?? query.type, [q.batch, v.heads, q.width, v.width], result.state.part("memory"))
      : undefined,
  ];
};

function variantOf(call: OperatorCall, decay: Tensor | undefined, width: number): LinearAttention<Gate> {
  const rule = call.attributes.get("update_rule") ?? "gated_delta";
  const given = numberAttribute(call, "scale") ?? 0;
  const options = { scale: given === 0 ? 1 / Math.sqrt(width) : given };
  const channels = decay !== undefined && decay.width !== 1;
  const variant = (): unknown => {
    switch (rule) {
      case "linear":
        return linear({ map: identity(), ...options });
      case "gated":
        return channels ? gated(options) : scalarGated(options);
      case "delta":
        return deltaNet(options);
      case "gated_delta":
        return channels ? kimiDelta(options) : gatedDeltaNet(options);
      default:
        throw new Unsupported(`LinearAttention update_rule ${JSON.stringify(rule)}`);
    }
  };
  return variant() as LinearAttention<Gate>;
}

/** A gate [B, N, heads x width] by value head; one number for all heads is repeated without a copy. */
function gateView(input: OnnxTensor | undefined, v: Tensor): Tensor | undefined {
  if (input === undefined) return undefined;
  if (input.shape.length === 4) return headsView(input, undefined);
  if (input.shape.length === 3 && input.shape[2] !== 1) return headsView(input, v.heads);
  return tensor(Float32Array.from(input.values), {
    shape: [v.batch, v.length, v.heads, 1],
    layout: "bnhd",
    strides: { b: v.length, h: 0, n: 1 },
  });
}

const shapeOf = ({ batch, heads, length, width }: Tensor): number[] => [batch, heads, length, width];
