import { describe, expect, test } from "vitest";
import { roundElements } from "./element-types.ts";
import { decodeTensor } from "./proto.ts";
import { encodeTensor, encodeTensorFields, halfBits } from "./test-folder.ts";

describe("a TensorProto", () => {
  test("keeps its shape and numbers in raw bytes", () => {
    const values = Float64Array.of(1, -2.5, Infinity, 0.25, 65504, 2 ** -24);
    for (const type of ["float", "double", "float16"] as const) {
      expect(decodeTensor(encodeTensor({ type, shape: [2, 3], values }))).toEqual({ type, shape: [2, 3], values });
    }
    const counts = { type: "int64" as const, shape: [2], values: Float64Array.of(-7, 2 ** 40) };
    expect(decodeTensor(encodeTensor(counts))).toEqual(counts);
    const flags = { type: "bool" as const, shape: [3], values: Float64Array.of(1, 0, 1) };
    expect(decodeTensor(encodeTensor(flags))).toEqual(flags);
  });

  test("may keep its numbers in a list of their own", () => {
    const decode = (fields: Record<string, unknown>) => Array.from(decodeTensor(encodeTensorFields(fields)).values);
    expect(decode({ dims: [2], dataType: 1, floatData: [0.5, -3] })).toEqual([0.5, -3]);
    expect(decode({ dims: [2], dataType: 11, doubleData: [0.1, -3] })).toEqual([0.1, -3]);
    expect(decode({ dims: [2], dataType: 7, int64Data: [-1, 5] })).toEqual([-1, 5]);
    expect(decode({ dims: [2], dataType: 9, int32Data: [1, 0] })).toEqual([1, 0]);
    expect(decode({ dims: [2], dataType: 10, int32Data: [halfBits(1.5), halfBits(-2)] })).toEqual([1.5, -2]);
  });

  test("may be empty", () => {
    expect(decodeTensor(encodeTensorFields({ dims: [2, 0, 3], dataType: 1 })).values).toHaveLength(0);
  });

  test("must have as many numbers as its shape says", () => {
    const short = encodeTensorFields({ dims: [3], dataType: 1, floatData: [1, 2] });
    expect(() => decodeTensor(short)).toThrow("tensor [3]: expected 3 values, got 2");
    const odd = encodeTensorFields({ dims: [3], dataType: 1, rawData: new Uint8Array(11) });
    expect(() => decodeTensor(odd)).toThrow("expected 3 x 4 bytes, got 11");
  });

  test("of a type that is not read is named", () => {
    expect(() => decodeTensor(encodeTensorFields({ dims: [1], dataType: 14 }))).toThrow("tensor element type 14");
  });
});

test("16-bit floats round to the nearest, ties to even", () => {
  const half = (value: number) => roundElements("float16", Float64Array.of(value))[0];
  expect(half(1 + 2 ** -11)).toBe(1);
  expect(half(1 + 3 * 2 ** -11)).toBe(1 + 2 ** -9);
  expect(half(2 ** -25)).toBe(0);
  expect(half(65519)).toBe(65504);
  expect(half(65520)).toBe(Infinity);
  const brain = (value: number) => roundElements("bfloat16", Float64Array.of(value))[0];
  expect(brain(1 + 2 ** -8)).toBe(1);
  expect(brain(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6);
  expect(brain(Number.NaN)).toBeNaN();
});
