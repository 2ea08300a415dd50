import { dense } from "@saccade/core";
import { describe, expect, it } from "vitest";
import { gaussianInput } from "../input/gaussian-input.ts";
import { numbersOf } from "../input/input.ts";
import { naive, naiveAttention } from "./naive.ts";

const input = gaussianInput({ kind: "gaussian", heads: 4, kvHeads: 2, headDim: 16, seed: 3 });

describe("naive attention", () => {
  it.each([true, false])("agrees with the float64 reference, causal %s", (causal) => {
    const slice = input.slice(33, { first: 0, count: 2 });
    const out = naiveAttention(slice, causal);
    const expected = dense({ causal }).reference(slice).out;
    const worst = numbersOf(out).reduce((max, value, i) => Math.max(max, Math.abs(value - expected[i]!)), 0);
    expect(worst).toBeLessThan(1e-6);
  });

  it("costs the whole score matrix, causal or not", () => {
    const shape = { heads: 4, kvHeads: 2, length: 100, headDim: 16, valueDim: 16 };
    const options = { causal: true, scale: undefined, runtime: "auto", threads: undefined } as const;
    expect(naive.cost(shape, options)).toMatchObject({
      visitedPairs: 40_000,
      visiblePairs: 20_200,
      workspaceBytes: 160_000,
      flops: 64 * 20_200,
    });
  });
});
