import { rotate, type Rotation } from "@saccade/core";
import { headsView, outputTensor } from "./heads.ts";
import { type Operator, type OperatorCall, checkAttributes, numberAttribute, requiredInput } from "./operator.ts";
import type { OnnxTensor } from "./proto.ts";
import { Unsupported } from "./unsupported.ts";

const ATTRIBUTES = ["interleaved", "num_heads", "rotary_embedding_dim"];

/**
 * ONNX RotaryEmbedding, version 23, in f32 whatever the element type. Caches are [positions, R / 2] beside `position_ids` [B, N], or
 * [B, N, R / 2], a row for each token.
 */
export const rotaryEmbedding: Operator = async (call) => {
  checkAttributes(call, ATTRIBUTES, {});
  const [input, cos, sin] = [requiredInput(call, 0), requiredInput(call, 1), requiredInput(call, 2)];
  for (const { type } of [input, cos, sin]) {
    if (!["float", "float16", "bfloat16"].includes(type)) throw new Unsupported(`RotaryEmbedding of ${type}`);
  }
  const x = headsView(input, numberAttribute(call, "num_heads"));
  const rotation = rotationOf(call, cos, sin, x.width);
  const { batch, length } = x;
  const positions = call.inputs[3]?.values ?? Array.from({ length: batch * length }, (_, token) => token);
  const result = await rotate(x, rotation, { positions, out: x, runtime: call.runtime });
  call.onRun?.(result);
  return [outputTensor(input.type, input.shape, result.out.data as Float32Array)];
};

const rotationOf = (call: OperatorCall, cos: OnnxTensor, sin: OnnxTensor, width: number): Rotation => {
  const pairs = cos.shape.at(-1)!;
  // 0 stands for the whole row.
  const rotaryDim = numberAttribute(call, "rotary_embedding_dim") || width;
  if (2 * pairs !== rotaryDim || cos.shape.join() !== sin.shape.join()) {
    throw new TypeError(
      `RotaryEmbedding: caches of [${cos.shape.join(", ")}] and [${sin.shape.join(", ")}] for ${rotaryDim} numbers`,
    );
  }
  return {
    cos: Float32Array.from(cos.values),
    sin: Float32Array.from(sin.values),
    length: cos.values.length / pairs,
    rotaryDim,
    pairs: numberAttribute(call, "interleaved") === 1 ? "interleaved" : "half",
  };
};
