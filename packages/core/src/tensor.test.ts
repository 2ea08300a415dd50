import { describe, expect, test } from "vitest";
import { biasTensor, maskTensor, tensor } from "./tensor.ts";

describe("a tensor", () => {
  test("has the letters of its layout and contiguous strides by default", () => {
    const data = new Float32Array(2 * 3 * 5 * 4);
    expect(tensor(data, { shape: [2, 3, 5, 4] })).toMatchObject({
      ...{ batch: 2, heads: 3, length: 5, width: 4, layout: "bhnd", offset: 0 },
      strides: { b: 60, h: 20, n: 4 },
    });
    expect(tensor(data, { shape: [2, 5, 3, 4], layout: "bnhd" })).toMatchObject({
      ...{ batch: 2, heads: 3, length: 5, width: 4, layout: "bnhd", offset: 0 },
      strides: { b: 60, h: 4, n: 12 },
    });
  });

  test("may have any size of 0", () => {
    for (const shape of [
      [0, 3, 5, 4],
      [2, 0, 5, 4],
      [2, 3, 0, 4],
      [2, 3, 5, 0],
    ] as const) {
      expect(tensor(new Float32Array(0), { shape }).width).toBe(shape[3]);
    }
  });

  test("views a part of an array that it fits into exactly", () => {
    const options = { shape: [1, 2, 3, 4], offset: 2, strides: { b: 0, h: 20, n: 5 } } as const;
    expect(() => tensor(new Float32Array(36), options)).not.toThrow();
    expect(() => tensor(new Float32Array(35), options)).toThrow("tensor: the view needs 36 floats, its array has 35");
  });

  test("says what was wrong with its options", () => {
    const data = new Float32Array(8);
    const make = (given: unknown, options: object) => () =>
      tensor(given as Float32Array, options as { shape: [number, number, number, number] });
    expect(make([1, 2], { shape: [1, 1, 1, 2] })).toThrow(
      "tensor: expected a Float32Array or a RuntimeBuffer, got [1, 2]",
    );
    expect(make(new Float64Array(2), { shape: [1, 1, 1, 2] })).toThrow("got a Float64Array");
    expect(make(data, { shape: [1, 8] })).toThrow("tensor: shape is [1, 8], expected four sizes");
    expect(make(data, { shape: [1, 1, NaN, 2] })).toThrow("tensor: shape[2] is NaN, expected an integer of at least 0");
    expect(make(data, { shape: [1, 1, -1, 2] })).toThrow("tensor: shape[2] is -1, expected an integer of at least 0");
    expect(make(data, { shape: [1, 1, 4, 3] })).toThrow("tensor: the view needs 12 floats, its array has 8");
    expect(make(data, { shape: [1, 1, 4, 2], layout: "bdhn" })).toThrow(
      'tensor: layout is "bdhn", expected "bhnd" or "bnhd"',
    );
    expect(make(data, { shape: [1, 1, 4, 2], offset: 0.5 })).toThrow("tensor: offset is 0.5, expected an integer");
    expect(make(data, { shape: [1, 1, 4, 2], strides: { b: 8, h: 8, n: -2 } })).toThrow("tensor: strides.n is -2");
  });
});

describe("a bias or a mask", () => {
  test("has stride 0 along axes of size 1", () => {
    expect(biasTensor(new Float32Array(2 * 6), { shape: [2, 1, 1, 6] }).strides).toEqual({ b: 6, h: 0, n: 0 });
    expect(maskTensor(new Uint8Array(3 * 4 * 6), { shape: [1, 3, 4, 6] }).strides).toEqual({ b: 0, h: 24, n: 6 });
  });

  test("says which array it expects", () => {
    expect(() => biasTensor(new Float32Array(5), { shape: [1, 1, 1, 6] })).toThrow(
      "biasTensor: shape [1, 1, 1, 6] has 6 elements, the array 5",
    );
    expect(() => biasTensor([] as unknown as Float32Array, { shape: [1, 1, 1, 0] })).toThrow(
      "biasTensor: expected a Float32Array, got []",
    );
    expect(() => maskTensor(new Float32Array(1) as unknown as Uint8Array, { shape: [1, 1, 1, 1] })).toThrow(
      "maskTensor: expected a Uint8Array, got a Float32Array",
    );
  });
});
