import { dense, tensor } from "@saccade/core";
import { describe, expect, it } from "vitest";
import { gaussianInput } from "../input/gaussian-input.ts";
import { sampledError, sampledPositions } from "./sampled-error.ts";

describe("sampledPositions", () => {
  it("goes from the first to the last position and stays affordable", () => {
    for (const length of [1, 2, 100, 65_536, 2 ** 20]) {
      const positions = sampledPositions(length, 6);
      expect(positions[0]).toBe(0);
      expect(positions.at(-1)).toBe(length - 1);
      expect(new Set(positions).size).toBe(positions.length);
      expect(positions.length).toBeLessThanOrEqual(64);
    }
    expect(sampledPositions(2 ** 20, 6)).toHaveLength(8);
  });
});

describe("sampledError", () => {
  const input = gaussianInput({ kind: "gaussian", heads: 4, kvHeads: 2, headDim: 8, seed: 3 });
  const slice = input.slice(50, { first: 0, count: 2 });
  const attention = dense({ causal: true });
  const reference = attention.reference(slice).out;
  const outputWith = (index: number, value: number) => {
    const data = Float32Array.from(reference);
    data[index] = value;
    return tensor(data, { shape: [1, 4, 50, 8] });
  };

  it("is f32 rounding for the reference itself", () => {
    const { rows, maxAbsError, maxAbsReference } = sampledError(attention, slice, outputWith(0, reference[0]!));
    expect(rows).toBe(4 * 50);
    expect(maxAbsError).toBeLessThanOrEqual(maxAbsReference * 2 ** -24);
  });

  it("finds one wrong number in any row that is sampled", () => {
    const index = (3 * 50 + 49) * 8 + 7;
    expect(sampledError(attention, slice, outputWith(index, reference[index]! + 1)).maxAbsError).toBeCloseTo(1, 5);
  });

  it("is infinite where the output is not a number", () => {
    expect(sampledError(attention, slice, outputWith(17, NaN)).maxAbsError).toBe(Infinity);
  });
});
