import type { ProductLayout } from "../runtime/runtime.ts";
import { checkSize } from "../shape.ts";
import { bf16Value, f16Value } from "../stored.ts";
import { describe } from "../tensor.ts";

/** How weights are stored; f16 and bf16 by their bits in a Uint16Array. */
export type WeightType = "f32" | "f16" | "bf16";

/** Weights as they are stored: [O, I], an output's numbers one after the other, as PyTorch's nn.Linear has them. */
export interface WeightMatrix {
  readonly data: Float32Array | Uint16Array;
  /** O, rows. */
  readonly outputs: number;
  /** I, numbers of a row. */
  readonly inputs: number;
  /** Default "f32". */
  readonly type?: WeightType | undefined;
}

/** Weights in the order in which a runtime's kernels read them, as f32. Other runtimes take them too, but order them anew in every call. */
export interface PackedWeights {
  readonly outputs: number;
  readonly inputs: number;
  /** [O / group][I][group]; the last group is as many whole vectors wide as hold the rest. */
  readonly data: Float32Array;
  readonly layout: ProductLayout;
}

export type Weights = WeightMatrix | PackedWeights;

/** Rows as they are: what runtimes without an order of their own take. */
export const ROWS: ProductLayout = { lanes: 1, group: 1 };

export function isPacked(weights: Weights): weights is PackedWeights {
  return "layout" in weights;
}

/** Floats of packed weights. */
export function packedFloats({ lanes }: ProductLayout, inputs: number, outputs: number): number {
  return inputs * Math.ceil(outputs / lanes) * lanes;
}

export function checkWeights(where: string, weights: Weights): void {
  checkSize(where, "outputs", weights.outputs, 1);
  checkSize(where, "inputs", weights.inputs, 1);
  const { data, outputs, inputs } = weights;
  const type = isPacked(weights) ? "f32" : (weights.type ?? "f32");
  if (type !== "f32" && type !== "f16" && type !== "bf16") {
    throw new TypeError(`${where}: type of the weights is ${describe(type)}, expected "f32", "f16" or "bf16"`);
  }
  const expected = type === "f32" ? Float32Array : Uint16Array;
  if (!(data instanceof expected)) {
    throw new TypeError(`${where}: ${type} weights are ${describe(data)}, expected a ${expected.name}`);
  }
  const needed = isPacked(weights) ? packedFloats(weights.layout, inputs, outputs) : outputs * inputs;
  if (data.length !== needed) {
    throw new RangeError(
      `${where}: weights have ${data.length} numbers, expected ${needed} for [${outputs}, ${inputs}]`,
    );
  }
}

/** Weights as rows of f32, [O, I]; those that already are so are not copied. */
export function weightRows(weights: Weights): Float32Array {
  const { data, outputs, inputs } = weights;
  if (!isPacked(weights)) {
    const { type } = weights;
    if (data instanceof Float32Array) return data;
    return Float32Array.from(data, type === "f16" ? f16Value : bf16Value);
  }
  const { lanes, group } = weights.layout;
  if (group === 1) return weights.data;
  const rows = new Float32Array(outputs * inputs);
  for (let o = 0; o < outputs; o++) {
    const first = o - (o % group);
    const width = Math.min(group, Math.ceil((outputs - first) / lanes) * lanes);
    for (let i = 0, from = first * inputs + o - first; i < inputs; i++, from += width)
      rows[o * inputs + i] = data[from]!;
  }
  return rows;
}
