import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { OnnxTensor } from "./proto.ts";
import { schema } from "./proto.ts";

/** A test folder to write: one node with its inputs and expected outputs. */
export interface TestFolder {
  readonly operator: string;
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, number | string>>;
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

/** A serialised TensorProto with its numbers in raw_data. */
export function encodeTensor({ type, shape, values }: OnnxTensor): Uint8Array {
  if (!(type in CODES)) throw new TypeError(`no encoding for ${type}`);
  const code = type as keyof typeof CODES;
  return encode("onnx.TensorProto", { dims: shape, dataType: CODES[code], rawData: bytesOf(code, values) });
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
  const attribute = Object.entries(test.attributes ?? {}).map(([key, value]) => {
    if (typeof value === "string") return { name: key, s: new TextEncoder().encode(value), type: 3 };
    return key === "scale" || key === "softcap" ? { name: key, f: value, type: 1 } : { name: key, i: value, type: 2 };
  });
  const named = (names: readonly string[]) => names.filter((each) => each !== "").map((each) => ({ name: each }));
  const model = encode("onnx.ModelProto", {
    graph: {
      node: [{ input, output, opType: test.operator, domain: test.domain ?? "", attribute }],
      input: named(input),
      output: named(output),
    },
    opsetImport: [{ domain: "", version: 24 }],
  });
  await writeFile(join(folder, name, "model.onnx"), model);
  const write = (kind: string, tensors: readonly (OnnxTensor | undefined)[]) =>
    tensors
      .filter((tensor) => tensor !== undefined)
      .map((tensor, i) => writeFile(join(set, `${kind}_${i}.pb`), encodeTensor(tensor)));
  await Promise.all([...write("input", test.inputs), ...write("output", test.outputs)]);
}
