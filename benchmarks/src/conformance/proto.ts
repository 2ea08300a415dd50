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
  readonly attributes: ReadonlyMap<string, AttributeValue>;
}

/** What an attribute may hold. Types that no operator here takes are told by their number in the format. */
export type AttributeValue = number | string | OnnxTensor | OnnxGraph;

/** A graph of operators: a model, or a function that one operator takes as an attribute. */
export interface OnnxGraph {
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

interface AttributeFields {
  name: string;
  f: number;
  i: number;
  s: Uint8Array;
  t: TensorFields | null;
  g: GraphFields | null;
  type: number;
}

interface GraphFields {
  node: {
    input: string[];
    output: string[];
    opType: string;
    domain: string;
    attribute: AttributeFields[];
  }[];
  initializer: TensorFields[];
  input: { name: string }[];
  output: { name: string }[];
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
export function decodeModel(bytes: Uint8Array): OnnxGraph {
  const { graph } = decode("onnx.ModelProto", bytes) as { graph: GraphFields | null };
  if (graph === null) throw new TypeError("model.onnx: expected a graph");
  return graphOf(graph);
}

const graphOf = (graph: GraphFields): OnnxGraph => ({
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
});

const attributeValue = ({ type, f, i, s, t, g }: AttributeFields): AttributeValue => {
  if (type === 1) return f;
  if (type === 2) return i;
  if (type === 3) return new TextDecoder().decode(s);
  if (type === 4 && t !== null) return tensorOf(t);
  if (type === 5 && g !== null) return graphOf(g);
  return `attribute type ${type}`;
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
