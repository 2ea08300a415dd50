import { describe, expect, test } from "vitest";
import { matmul, matmulSync, openRuntime, packWeights, packWeightsSync, type WeightMatrix } from "../src/index.ts";
import { bf16Bits, bf16Value, f16Bits, f16Value } from "../src/stored.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { RandomNumbers } from "./random-numbers.ts";
import { sameBits } from "./same-bits.ts";

const shapes = [
  { rows: 1, inputs: 1, outputs: 1 },
  { rows: 1, inputs: 700, outputs: 130 },
  { rows: 37, inputs: 59, outputs: 75 },
  { rows: 300, inputs: 1100, outputs: 48 },
  { rows: 8, inputs: 64, outputs: 333 },
];

interface Shape {
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}

function layerOf({ rows, inputs, outputs }: Shape): { x: Float32Array; weights: WeightMatrix; bias: Float32Array } {
  const numbers = new RandomNumbers(rows + inputs + outputs);
  const data = numbers.normal(outputs * inputs);
  return { x: numbers.normal(rows * inputs), weights: { data, outputs, inputs }, bias: numbers.normal(outputs) };
}

/** How far results are from the formula in float64, relative to the size of its terms. */
function error(
  out: Float32Array,
  x: Float32Array,
  rows: ArrayLike<number>,
  bias: ArrayLike<number> | undefined,
): number {
  const outputs = bias?.length ?? rows.length;
  const inputs = rows.length / outputs;
  let worst = 0;
  for (let at = 0; at < out.length; at++) {
    const [o, n] = [at % outputs, Math.floor(at / outputs)];
    let [sum, size] = [bias?.[o] ?? 0, 1];
    for (let i = 0; i < inputs; i++) {
      const term = x[n * inputs + i]! * rows[o * inputs + i]!;
      sum += term;
      size += Math.abs(term);
    }
    worst = Math.max(worst, Math.abs(out[at]! - sum) / size);
  }
  return worst;
}

const { available } = await availableRuntimes();

describe.each(available)("matrix products on $label", ({ runtime }) => {
  test.each(shapes)(
    "are right, packed and not, at any number of threads: $rows x $inputs x $outputs",
    async (shape) => {
      const { x, weights, bias } = layerOf(shape);
      const one = await matmul(x, weights, { bias, runtime, threads: 1 });
      expect(one.out).toHaveLength(shape.rows * shape.outputs);
      expect(error(one.out, x, weights.data, bias)).toBeLessThan(1e-6);
      expect(one.runtime).toBe(runtime.name);
      const packed = await packWeights(weights, { runtime });
      for (const other of [packed, packWeightsSync(weights, { runtime }), weights]) {
        expect(sameBits(one.out, (await matmul(x, other, { bias, runtime })).out)).toBe(true);
        expect(sameBits(one.out, matmulSync(x, other, { bias, runtime }).out)).toBe(true);
      }
    },
  );

  test("have the same bits for a row alone", () => {
    const { x, weights } = layerOf(shapes[2]!);
    const all = matmulSync(x, weights, { runtime }).out;
    for (const n of [0, 13, 36]) {
      const alone = matmulSync(x.subarray(n * 59, (n + 1) * 59), weights, { runtime }).out;
      expect(sameBits(all.subarray(n * 75, (n + 1) * 75), alone)).toBe(true);
    }
  });

  test.each([
    ["f16", f16Bits, f16Value],
    ["bf16", bf16Bits, bf16Value],
  ] as const)("widen weights of %s", (type, encode, decode) => {
    const { x, weights, bias } = layerOf(shapes[2]!);
    const data = Uint16Array.from(new Uint32Array(weights.data.buffer), encode);
    const stored = { ...weights, data, type };
    const exact = Float64Array.from(data, decode);
    expect(error(matmulSync(x, stored, { bias, runtime }).out, x, exact, bias)).toBeLessThan(1e-6);
    expect(
      error(matmulSync(x, packWeightsSync(stored, { runtime }), { bias, runtime }).out, x, exact, bias),
    ).toBeLessThan(1e-6);
  });

  test("take weights that were packed for another runtime", () => {
    const { x, weights } = layerOf(shapes[2]!);
    const own = matmulSync(x, weights, { runtime }).out;
    for (const { runtime: other } of available) {
      expect(sameBits(own, matmulSync(x, packWeightsSync(weights, { runtime: other }), { runtime }).out)).toBe(true);
    }
  });

  test("write into the caller's array", async () => {
    const { x, weights, bias } = layerOf(shapes[1]!);
    const out = new Float32Array(130);
    expect((await matmul(x, weights, { bias, runtime, out })).out).toBe(out);
    expect(sameBits(out, matmulSync(x, weights, { bias, runtime }).out)).toBe(true);
  });

  test("of no rows are empty", async () => {
    const { weights } = layerOf(shapes[1]!);
    expect((await matmul(new Float32Array(0), weights, { runtime })).out).toHaveLength(0);
  });

  test("can be cancelled", async () => {
    const { x, weights } = layerOf({ rows: 2000, inputs: 600, outputs: 600 });
    const controller = new AbortController();
    const product = matmul(x, weights, { runtime, signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(product).rejects.toThrow("enough");
  });
});

test("large products share their work between workers of WebAssembly, with the same bits", async () => {
  await using runtime = await openRuntime("wasm", { threads: 2 });
  const { x, weights } = layerOf({ rows: 1200, inputs: 700, outputs: 650 });
  const one = await matmul(x, weights, { runtime, threads: 1 });
  const two = await matmul(x, weights, { runtime });
  expect([one.threads, two.threads]).toEqual([1, 2]);
  expect(sameBits(one.out, two.out)).toBe(true);
  const sync = matmulSync(x, weights, { runtime });
  expect(sync.threads).toBe(2);
  expect(sameBits(one.out, sync.out)).toBe(true);
  const controller = new AbortController();
  const cancelled = matmul(x, weights, { runtime, signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 1);
  await expect(cancelled).rejects.toThrow("enough");
  expect(sameBits(one.out, (await matmul(x, weights, { runtime })).out)).toBe(true);
});

test("what does not fit is refused by name", async () => {
  const { x, weights, bias } = layerOf(shapes[2]!);
  const refused = (of: Partial<WeightMatrix>) => (): unknown => matmulSync(x, { ...weights, ...of });
  expect(refused({ outputs: 0 })).toThrow("matmulSync: outputs is 0, expected");
  expect(refused({ outputs: 74 })).toThrow("matmulSync: weights have 4425 numbers, expected 4366 for [74, 59]");
  expect(refused({ type: "i8" as "f16" })).toThrow('type of the weights is "i8", expected "f32", "f16" or "bf16"');
  expect(refused({ type: "f16" })).toThrow("f16 weights are");
  expect(() => matmulSync(x.subarray(1), weights)).toThrow("matmulSync: x has 2182 numbers, expected rows of 59");
  expect(() => matmulSync(x, weights, { bias: bias.subarray(1) })).toThrow("bias has 74 numbers, expected 75");
  expect(() => matmulSync(x, weights, { out: new Float32Array(5) })).toThrow(
    "out has 5 numbers, expected 2775 for [37, 75]",
  );
  expect(() => matmulSync(x, weights, { out: x.subarray(0, 1) })).toThrow("out has 1 numbers");
  const square = new Float32Array(9);
  expect(() => matmulSync(square, { data: new Float32Array(9), outputs: 3, inputs: 3 }, { out: square })).toThrow(
    "out shares memory with an input",
  );
  expect(() => matmulSync(Array.from(x) as unknown as Float32Array, weights)).toThrow(TypeError);
  await expect(matmul(x, { ...weights, inputs: 2.5 })).rejects.toThrow("inputs is 2.5");
  await expect(packWeights({ ...weights, inputs: 3 })).rejects.toThrow("packWeights: weights have 4425 numbers");
});
