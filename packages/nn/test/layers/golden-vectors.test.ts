import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { MultiHeadAttention, sequence, type Sequence, type TensorNumbers } from "../../src/index.ts";

interface Numbers {
  readonly shape: number[];
  readonly data: number[];
}

interface Golden {
  readonly name: string;
  readonly modelDim: number;
  readonly heads: number;
  readonly keyDim: number;
  readonly valueDim: number;
  readonly average: boolean;
  readonly state: Readonly<Record<string, Numbers>>;
  readonly query: Numbers;
  readonly key?: Numbers;
  readonly value?: Numbers;
  readonly keyPaddingMask?: Numbers;
  readonly attnMask?: Numbers;
  readonly out: Numbers;
  readonly weights: Numbers;
}

// Made by fixtures/multi-head-attention.py.
const file = new URL("../fixtures/multi-head-attention.json", import.meta.url);
const { madeBy, cases } = JSON.parse(readFileSync(file, "utf8")) as {
  readonly madeBy: Readonly<Record<string, string>>;
  readonly cases: readonly Golden[];
};

const tokens = ({ shape, data }: Numbers): Sequence => sequence(Float32Array.from(data), shape);

/** Bools are 0 and 1 in the file, and so are some floats: of these some is neither. */
function masked(numbers: Numbers | undefined): Uint8Array | Float32Array | undefined {
  if (numbers === undefined) return undefined;
  const bools = numbers.data.every((x) => x === 0 || x === 1);
  return bools ? Uint8Array.from(numbers.data) : Float32Array.from(numbers.data);
}

function parameters(state: Golden["state"]): Record<string, TensorNumbers> {
  const entries = Object.entries(state).map(
    ([name, { shape, data }]) => [name, { type: "f32", shape, data: Float32Array.from(data) }] as const,
  );
  return Object.fromEntries(entries);
}

function farthest(got: Float32Array, { data }: Numbers): number {
  expect(got).toHaveLength(data.length);
  return data.reduce((most, x, i) => Math.max(most, Math.abs(got[i]! - x)), 0);
}

describe(`PyTorch ${madeBy["torch"]}'s nn.MultiheadAttention is met within 1e-5`, () => {
  test.each(cases)("$name", async (golden) => {
    const { modelDim, heads, keyDim, valueDim, average, query, key, value } = golden;
    const layer = new MultiHeadAttention({ modelDim, heads, keyDim, valueDim }).load(parameters(golden.state));
    const context = key && value && { key: tokens(key), value: tokens(value) };
    const { out, weights } = await layer.forward(tokens(query), context, {
      keyPaddingMask: masked(golden.keyPaddingMask),
      attnMask: masked(golden.attnMask),
      needWeights: true,
      averageWeights: average,
    });
    expect(farthest(out.data, golden.out)).toBeLessThan(1e-5);
    expect(farthest(weights!, golden.weights)).toBeLessThan(1e-5);
  });
});
