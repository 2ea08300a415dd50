// A one-node ONNX model, written as protobuf by hand: the few fields needed are listed in onnx.proto.

class ProtoWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  int(field: number, value: number): this {
    this.#varint(field * 8);
    this.#varint(value);
    return this;
  }

  float(field: number, value: number): this {
    this.#varint(field * 8 + 5);
    return this.#append(new Uint8Array(Float32Array.of(value).buffer));
  }

  text(field: number, value: string): this {
    return this.#block(field, new TextEncoder().encode(value));
  }

  message(field: number, write: (inner: ProtoWriter) => void): this {
    const inner = new ProtoWriter();
    write(inner);
    return this.#block(field, inner.bytes());
  }

  raw(field: number, bytes: Uint8Array): this {
    return this.#block(field, bytes);
  }

  #block(field: number, bytes: Uint8Array): this {
    this.#varint(field * 8 + 2);
    this.#varint(bytes.length);
    return this.#append(bytes);
  }

  #append(bytes: Uint8Array): this {
    const length = this.#length + bytes.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.bytes());
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = length;
    return this;
  }

  #varint(value: number): void {
    let rest = value;
    while (rest > 127) {
      this.#append(Uint8Array.of((rest % 128) | 128));
      rest = Math.floor(rest / 128);
    }
    this.#append(Uint8Array.of(rest));
  }
}

export type ElementType = "float32" | "int32";
const ELEMENT_TYPES: Record<ElementType, number> = { float32: 1, int32: 6 };

export interface ValueInfo {
  readonly name: string;
  readonly type: ElementType;
  /** A string is a dimension that the model leaves open. */
  readonly shape: readonly (number | string)[];
}

/** An input that is part of the model: a session may order it as its kernels like, once. */
export interface Constant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface NodeModel {
  readonly operator: string;
  /** "" is ONNX's own domain, "com.microsoft" that of onnxruntime's operators. */
  readonly domain: "" | "com.microsoft";
  /** An empty name in place of an input leaves it out. */
  readonly inputs: readonly (ValueInfo | Constant | undefined)[];
  readonly outputs: readonly ValueInfo[];
  readonly integers: Readonly<Record<string, number>>;
  readonly floats?: Readonly<Record<string, number>>;
  readonly strings?: Readonly<Record<string, string>>;
}

const FLOAT_ATTRIBUTE = 1;
const INT_ATTRIBUTE = 2;
const STRING_ATTRIBUTE = 3;

/** The bytes of a model with one node. */
export function encodeModel(model: NodeModel): Uint8Array {
  return new ProtoWriter()
    .int(1, 10) // ir_version
    .message(8, (opset) => opset.text(1, "").int(2, 23))
    .message(8, (opset) => opset.text(1, "com.microsoft").int(2, 1))
    .message(7, (graph) => {
      graph.message(1, (node) => writeNode(node, model)).text(2, "attention");
      for (const input of model.inputs) {
        if (input === undefined) continue;
        if ("data" in input) graph.message(5, (tensor) => writeConstant(tensor, input));
        else graph.message(11, (value) => writeValue(value, input));
      }
      for (const output of model.outputs) graph.message(12, (value) => writeValue(value, output));
    })
    .bytes();
}

function writeNode(node: ProtoWriter, model: NodeModel): void {
  for (const input of model.inputs) node.text(1, input?.name ?? "");
  for (const output of model.outputs) node.text(2, output.name);
  node.text(4, model.operator);
  for (const [name, value] of Object.entries(model.integers)) {
    node.message(5, (attribute) => attribute.text(1, name).int(3, value).int(20, INT_ATTRIBUTE));
  }
  for (const [name, value] of Object.entries(model.floats ?? {})) {
    node.message(5, (attribute) => attribute.text(1, name).float(2, value).int(20, FLOAT_ATTRIBUTE));
  }
  for (const [name, value] of Object.entries(model.strings ?? {})) {
    node.message(5, (attribute) => attribute.text(1, name).text(4, value).int(20, STRING_ATTRIBUTE));
  }
  node.text(7, model.domain);
}

function writeConstant(tensor: ProtoWriter, { name, shape, data }: Constant): void {
  for (const size of shape) tensor.int(1, size);
  tensor.int(2, ELEMENT_TYPES.float32).text(8, name);
  tensor.raw(9, new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function writeValue(value: ProtoWriter, { name, type, shape }: ValueInfo): void {
  value.text(1, name).message(2, (typeProto) =>
    typeProto.message(1, (tensor) =>
      tensor.int(1, ELEMENT_TYPES[type]).message(2, (shapeProto) => {
        for (const size of shape) {
          shapeProto.message(1, (dim) => (typeof size === "number" ? dim.int(1, size) : dim.text(2, size)));
        }
      }),
    ),
  );
}
