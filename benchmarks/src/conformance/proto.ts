import { fileURLToPath } from "node:url";
import protobuf from "protobufjs";
import { type ElementType, elementType, readElements, readHalfBits } from "./element-types.ts";
import { Unsupported } from "./unsupported.ts";

/** A tensor of an operator test. Every element type that is read fits a float64 exactly (int64 up to 2^53). */
export interface OnnxTensor {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

/** One operator of a graph. An empty input or output name means "not given". */
export interface OnnxNode {
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, number | string>;
}

/** A model of an operator test. */
export interface OnnxModel {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly constants: ReadonlyMap<string, OnnxTensor>;
}

interface TensorFields {
  dims: number[];
  dataType: number;
  floatData: number[];
  int32Data: number[];
  int64Data: number[];
  doubleData: number[];
  name: string;
  rawData: Uint8Array;
  dataLocation: number;
}

interface ModelFields {
  graph: {
    node: {
      input: string[];
      output: string[];
      opType: string;
      domain: string;
      attribute: { name: string; f: number; i: number; s: Uint8Array; type: number }[];
    }[];
    initializer: TensorFields[];
    input: { name: string }[];
    output: { name: string }[];
  } | null;
}

/** The messages of `onnx.proto`. */
export const schema: protobuf.Root = protobuf.loadSync(fileURLToPath(new URL("onnx.proto", import.meta.url)));

const decode = (message: string, bytes: Uint8Array): unknown => {
  const type = schema.lookupType(message);
  return type.toObject(type.decode(bytes), { arrays: true, defaults: true, longs: Number });
};

/** Reads a serialised TensorProto. */
export function decodeTensor(bytes: Uint8Array): OnnxTensor {
  return tensorOf(decode("onnx.TensorProto", bytes) as TensorFields);
}

/** Reads a serialised ModelProto. */
export function decodeModel(bytes: Uint8Array): OnnxModel {
  const { graph } = decode("onnx.ModelProto", bytes) as ModelFields;
  if (graph === null) throw new TypeError("model.onnx: expected a graph");
  return {
    nodes: graph.node.map((node) => ({
      operator: node.opType,
      domain: node.domain,
      inputs: node.input,
      outputs: node.output,
      attributes: new Map(node.attribute.map((attribute) => [attribute.name, attributeValue(attribute)])),
    })),
    inputs: graph.input.map(({ name }) => name),
    outputs: graph.output.map(({ name }) => name),
    constants: new Map(graph.initializer.map((tensor) => [tensor.name, tensorOf(tensor)])),
  };
}

const attributeValue = (attribute: { f: number; i: number; s: Uint8Array; type: number }): number | string => {
  if (attribute.type === 1) return attribute.f;
  if (attribute.type === 2) return attribute.i;
  // Strings are told by their text, anything larger by its type: no operator here takes it.
  return attribute.type === 3 ? new TextDecoder().decode(attribute.s) : `attribute type ${attribute.type}`;
};

const tensorOf = (fields: TensorFields): OnnxTensor => {
  if (fields.dataLocation !== 0) throw new Unsupported("tensor data in another file");
  const type = elementType(fields.dataType);
  const shape = fields.dims;
  const count = shape.reduce((product, length) => product * length, 1);
  const values = valuesOf(fields, type, count);
  if (values.length !== count) {
    throw new RangeError(`tensor [${shape.join(", ")}]: expected ${count} values, got ${values.length}`);
  }
  return { type, shape, values };
};

const valuesOf = (fields: TensorFields, type: ElementType, count: number): Float64Array => {
  if (fields.rawData.length > 0 || count === 0) return readElements(type, fields.rawData, count);
  if (type === "float") return Float64Array.from(fields.floatData);
  if (type === "double") return Float64Array.from(fields.doubleData);
  if (type === "int64") return Float64Array.from(fields.int64Data);
  if (type === "float16" || type === "bfloat16") return readHalfBits(type, fields.int32Data);
  if (type === "uint32") throw new Unsupported("uint32 values outside raw_data");
  return Float64Array.from(fields.int32Data);
};
