import { expect, test } from "vitest";
import { encodeModel } from "./onnx-model.ts";

/** Fields of a protobuf message: [field number, number or bytes]. */
function fieldsOf(bytes: Uint8Array): [number, number | Uint8Array][] {
  const fields: [number, number | Uint8Array][] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    if (key % 8 === 0) fields.push([key >> 3, varint()]);
    else if (key % 8 === 5)
      fields.push([key >> 3, new DataView(bytes.buffer, bytes.byteOffset + at, 4).getFloat32(0, true)]);
    else {
      const length = varint();
      fields.push([key >> 3, bytes.subarray(at, at + length)]);
      at += length;
      continue;
    }
    if (key % 8 === 5) at += 4;
  }
  return fields;
}

const inner = (bytes: Uint8Array, field: number): Uint8Array[] =>
  fieldsOf(bytes).flatMap(([number, value]) => (number === field && value instanceof Uint8Array ? [value] : []));
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

const model = encodeModel({
  operator: "GroupQueryAttention",
  domain: "com.microsoft",
  inputs: [
    { name: "q", type: "float32", shape: [1, 300, 70_000] },
    undefined,
    { name: "total", type: "int32", shape: [1] },
  ],
  outputs: [{ name: "out", type: "float32", shape: [1, "length", 64] }],
  integers: { num_heads: 8 },
  floats: { scale: 0.125 },
});

test("a model has one node with its operator, attributes and the place of an input that is left out", () => {
  const [graph] = inner(model, 7);
  const [node] = inner(graph!, 1);
  expect(inner(node!, 1).map(text)).toEqual(["q", "", "total"]);
  expect(inner(node!, 2).map(text)).toEqual(["out"]);
  expect(inner(node!, 4).map(text)).toEqual(["GroupQueryAttention"]);
  expect(inner(node!, 7).map(text)).toEqual(["com.microsoft"]);
  const [heads, scale] = inner(node!, 5).map(fieldsOf);
  expect(heads!.slice(1)).toEqual([
    [3, 8],
    [20, 2],
  ]);
  expect(scale!.slice(1)).toEqual([
    [2, 0.125],
    [20, 1],
  ]);
});

test("inputs carry their types and sizes, also those of more than one byte and those left open", () => {
  const [graph] = inner(model, 7);
  const sizes = (value: Uint8Array): (number | string)[] => {
    const [tensor] = inner(inner(value, 2)[0]!, 1);
    return inner(inner(tensor!, 2)[0]!, 1).map((dim) => {
      const size = fieldsOf(dim)[0]![1];
      return typeof size === "number" ? size : text(size);
    });
  };
  expect(inner(graph!, 11).map(sizes)).toEqual([[1, 300, 70_000], [1]]);
  expect(inner(graph!, 12).map(sizes)).toEqual([[1, "length", 64]]);
});
