import { type Tensor, tensor } from "@saccade/core";
import { roundElements } from "./element-types.ts";
import type { OnnxTensor } from "./proto.ts";

/** Q, K or V as ONNX has it: [B, H, N, D], or [B, N, H * D] with the number of heads beside it. */
export function headsView(input: OnnxTensor, heads: number | undefined): Tensor {
  const { shape } = input;
  const data = Float32Array.from(input.values);
  if (shape.length === 4) return tensor(data, { shape: [shape[0]!, shape[1]!, shape[2]!, shape[3]!] });
  if (shape.length !== 3) throw new TypeError(`Attention: expected 3 or 4 axes, got ${shape.length}`);
  const [batch, length, width] = [shape[0]!, shape[1]!, shape[2]!];
  if (heads === undefined || heads <= 0 || width % heads !== 0) {
    throw new TypeError(`Attention: ${width} numbers a token do not divide into ${heads} heads`);
  }
  return tensor(data, { shape: [batch, length, heads, width / heads], layout: "bnhd" });
}

/** `past` [B, H, P, D] and then the tokens of `fresh`, as [B, H, P + N, D]. */
export function concatenate(past: OnnxTensor | undefined, fresh: Tensor, type: OnnxTensor["type"]): OnnxTensor {
  const { batch, heads, length, width, strides, offset } = fresh;
  const before = past?.shape[2] ?? 0;
  if (past !== undefined && [batch, heads, before, width].join() !== past.shape.join()) {
    throw new TypeError(
      `Attention: a past of [${past.shape.join(", ")}] does not fit [${batch}, ${heads}, ${length}, ${width}]`,
    );
  }
  const total = before + length;
  const values = new Float64Array(batch * heads * total * width);
  const source = fresh.data as Float32Array;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const at = (b * heads + h) * total * width;
      const old = (b * heads + h) * before * width;
      if (past !== undefined) values.set(past.values.subarray(old, old + before * width), at);
      for (let n = 0; n < length; n++) {
        const from = offset + b * strides.b + h * strides.h + n * strides.n;
        values.set(source.subarray(from, from + width), at + (before + n) * width);
      }
    }
  }
  return { type, shape: [batch, heads, total, width], values };
}

/** One token of a view as a view of length 1. */
export function tokenView(view: Tensor, token: number): Tensor {
  return tensor(view.data, {
    shape: view.layout === "bhnd" ? [view.batch, view.heads, 1, view.width] : [view.batch, 1, view.heads, view.width],
    layout: view.layout,
    offset: view.offset + token * view.strides.n,
    strides: view.strides,
  });
}

/** Numbers of an operator's output, rounded to its element type. */
export function outputTensor(
  type: OnnxTensor["type"],
  shape: readonly number[],
  numbers: ArrayLike<number>,
): OnnxTensor {
  return { type, shape, values: roundElements(type, Float64Array.from(numbers)) };
}
