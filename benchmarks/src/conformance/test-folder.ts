import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { AttributeValue, OnnxGraph, OnnxTensor } from "./proto.ts";
import { schema } from "./proto.ts";

/** A test folder to write: one node with its inputs and expected outputs. */
export interface TestFolder {
  readonly operator: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** undefined where the node leaves an input out. */
  readonly inputs: readonly (OnnxTensor | undefined)[];
  readonly outputs: readonly (OnnxTensor | undefined)[];
}

/** A tensor of f32 numbers. */
export function floats(shape: readonly number[], values: ArrayLike<number>): OnnxTensor {
  return { type: "float", shape, values: Float64Array.from(values, Math.fround) };
}

const encode = (message: string, fields: Record<string, unknown>): Uint8Array => {
  const type = schema.lookupType(message);
  return type.encode(type.fromObject(fields)).finish();
};

const CODES = { float: 1, int64: 7, bool: 9, float16: 10, double: 11, bfloat16: 16 } as const;

const bytesOf = (type: keyof typeof CODES, values: Float64Array): Uint8Array => {
  switch (type) {
    case "float":
      return new Uint8Array(Float32Array.from(values).buffer);
    case "double":
      return new Uint8Array(values.slice().buffer);
    case "int64":
      return new Uint8Array(BigInt64Array.from(values, (value) => BigInt(value)).buffer);
    case "bool":
      return Uint8Array.from(values);
    case "float16":
      return new Uint8Array(Uint16Array.from(values, halfBits).buffer);
    case "bfloat16":
      return new Uint8Array(
        Uint16Array.from(values, (value) => new Uint32Array(Float32Array.of(value).buffer)[0]! >>> 16).buffer,
      );
  }
};

/** The bits of a number that a 16-bit float holds exactly. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size === 0) return sign;
  if (size === Infinity) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const fraction = size / 2 ** (exponent - 10);
  return sign | (fraction < 1024 ? fraction : ((exponent + 15) << 10) + fraction - 1024);
}

const tensorFields = ({ type, shape, values }: OnnxTensor): Record<string, unknown> => {
  if (!(type in CODES)) throw new TypeError(`no encoding for ${type}`);
  const code = type as keyof typeof CODES;
  return { dims: shape, dataType: CODES[code], rawData: bytesOf(code, values) };
};

const attributeFields = ([name, value]: readonly [string, AttributeValue]): Record<string, unknown> => {
  if (typeof value === "string") return { name, s: new TextEncoder().encode(value), type: 3 };
  if (typeof value === "object") {
    return "nodes" in value ? { name, g: graphFields(value), type: 5 } : { name, t: tensorFields(value), type: 4 };
  }
  return name === "scale" || name === "softcap" ? { name, f: value, type: 1 } : { name, i: value, type: 2 };
};

const graphFields = ({ nodes, inputs, outputs, constants }: OnnxGraph): Record<string, unknown> => ({
  node: nodes.map(({ operator, domain, inputs: input, outputs: output, attributes }) => ({
    opType: operator,
    domain,
    input,
    output,
    attribute: Array.from(attributes, attributeFields),
  })),
  initializer: Array.from(constants, ([name, tensor]) => ({ ...tensorFields(tensor), name })),
  input: inputs.map((name) => ({ name })),
  output: outputs.map((name) => ({ name })),
});

/** A graph of one input `x`; every node is its operator, its inputs, its output, and attributes where it has any. */
export function graphOfNodes(
  nodes: readonly (readonly [string, readonly string[], string, Readonly<Record<string, AttributeValue>>?])[],
  constants: Readonly<Record<string, OnnxTensor>> = {},
): OnnxGraph {
  return {
    nodes: nodes.map(([operator, inputs, output, attributes = {}]) => ({
      operator,
      domain: "",
      inputs,
      outputs: [output],
      attributes: new Map(Object.entries(attributes)),
    })),
    inputs: ["x"],
    outputs: [nodes.at(-1)?.[2] ?? "x"],
    constants: new Map(Object.entries(constants)),
  };
}

/** A serialised TensorProto with its numbers in raw_data. */
export function encodeTensor(tensor: OnnxTensor): Uint8Array {
  return encode("onnx.TensorProto", tensorFields(tensor));
}

/** A serialised TensorProto from its fields. */
export function encodeTensorFields(fields: Record<string, unknown>): Uint8Array {
  return encode("onnx.TensorProto", fields);
}

/** Writes `folder/name` as ONNX lays out an operator test. */
export async function writeTest(folder: string, name: string, test: TestFolder): Promise<void> {
  const set = join(folder, name, "test_data_set_0");
  await mkdir(set, { recursive: true });
  const input = test.inputs.map((tensor, i) => (tensor === undefined ? "" : `input${i}`));
  const output = test.outputs.map((tensor, i) => (tensor === undefined ? "" : `output${i}`));
  const given = (names: readonly string[]): string[] => names.filter((each) => each !== "");
  const model = encode("onnx.ModelProto", {
    graph: graphFields({
      nodes: [
        {
          operator: test.operator,
          domain: test.domain ?? "",
          inputs: input,
          outputs: output,
          attributes: new Map(Object.entries(test.attributes ?? {})),
        },
      ],
      inputs: given(input),
      outputs: given(output),
      constants: new Map(),
    }),
    opsetImport: [{ domain: "", version: 24 }],
  });
  await writeFile(join(folder, name, "model.onnx"), model);
  const write = (kind: string, tensors: readonly (OnnxTensor | undefined)[]) =>
    tensors
      .filter((tensor) => tensor !== undefined)
      .map((tensor, i) => writeFile(join(set, `${kind}_${i}.pb`), encodeTensor(tensor)));
  await Promise.all([...write("input", test.inputs), ...write("output", test.outputs)]);
}
