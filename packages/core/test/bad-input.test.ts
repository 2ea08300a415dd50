import { afterAll, describe, expect, test } from "vitest";
import {
  biasTensor,
  dense,
  maskTensor,
  tensor,
  type AttentionInputs,
  type DenseOptions,
  type ForwardOptions,
  type Tensor,
} from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";

const { available } = await availableRuntimes();

afterAll(() => Promise.all(available.map(({ runtime }) => runtime[Symbol.asyncDispose]())));

type Shape = readonly [number, number, number, number];

const zeros = (shape: Shape): Tensor =>
  tensor(new Float32Array(shape.reduce((product, size) => product * size, 1)), { shape });

const good = (): AttentionInputs => ({ q: zeros([2, 4, 3, 8]), k: zeros([2, 2, 5, 8]), v: zeros([2, 2, 5, 6]) });

interface BadCall {
  readonly inputs?: object;
  readonly options?: object;
  readonly dense?: DenseOptions;
  readonly message: string;
}

const BAD: readonly BadCall[] = [
  { inputs: { k: zeros([2, 3, 5, 8]) }, message: "k has G = 3 heads, which does not divide H = 4" },
  { inputs: { k: zeros([2, 0, 5, 8]), v: zeros([2, 0, 5, 6]) }, message: "k has G = 0 heads, which does not divide" },
  { inputs: { v: zeros([2, 1, 5, 6]) }, message: "v has G = 1 heads, k has G = 2" },
  { inputs: { k: zeros([1, 2, 5, 8]) }, message: "k has B = 1, q has B = 2" },
  { inputs: { v: zeros([3, 2, 5, 6]) }, message: "v has B = 3, q has B = 2" },
  { inputs: { k: zeros([2, 2, 5, 7]) }, message: "k has D = 7, q has D = 8" },
  { inputs: { v: zeros([2, 2, 4, 6]) }, message: "v has M = 4 keys, k has M = 5" },
  { inputs: { q: zeros([2, 4, 3, 0]), k: zeros([2, 2, 5, 0]) }, message: "q has D = 0, expected at least 1" },
  { inputs: { v: zeros([2, 2, 5, 0]) }, message: "v has E = 0, expected at least 1" },
  { inputs: { q: undefined }, message: "q is undefined, expected a tensor" },
  { inputs: { k: new Float32Array(80) }, message: "k is a Float32Array, expected a tensor" },
  { inputs: { keyLengths: [1] }, message: "keyLengths has 1 elements, expected B = 2" },
  { inputs: { keyLengths: [1, NaN] }, message: "keyLengths[1] is NaN, expected an integer in 0..5" },
  { inputs: { keyLengths: [-1, 2] }, message: "keyLengths[0] is -1, expected an integer in 0..5" },
  { inputs: { keyLengths: [5, 6] }, message: "keyLengths[1] is 6, expected an integer in 0..5" },
  { inputs: { keyLengths: [5, 2.5] }, message: "keyLengths[1] is 2.5, expected an integer in 0..5" },
  { inputs: { keyLengths: 5 }, message: "keyLengths has no elements, expected B = 2" },
  { inputs: { queryOffset: NaN }, message: "queryOffset is NaN, expected an integer within" },
  { inputs: { queryOffset: 0.5 }, message: "queryOffset is 0.5, expected an integer within" },
  { inputs: { queryOffset: 2 ** 31 }, message: "queryOffset is 2147483648, expected an integer within" },
  { inputs: { queryOffset: [1] }, message: "queryOffset has 1 elements, expected B = 2" },
  { inputs: { queryOffset: [1, Infinity] }, message: "queryOffset[1] is Infinity, expected an integer within" },
  {
    inputs: { bias: biasTensor(new Float32Array(4), { shape: [1, 1, 1, 4] }) },
    message: "bias has shape [1, 1, 1, 4], expected [2 or 1, 4 or 1, 3 or 1, 5]",
  },
  {
    inputs: { mask: maskTensor(new Uint8Array(10), { shape: [1, 2, 1, 5] }) },
    message: "mask has shape [1, 2, 1, 5], expected [2 or 1, 4 or 1, 3 or 1, 5]",
  },
  { inputs: { mask: new Uint8Array(5) }, message: "mask is a Uint8Array, expected a value made by maskTensor()" },
  { options: { threads: 0 }, message: "threads is 0, expected an integer of at least 1" },
  { options: { threads: NaN }, message: "threads is NaN, expected an integer of at least 1" },
  { options: { out: zeros([2, 4, 3, 8]) }, message: "out is [B, H, N, E] = [2, 4, 3, 8], expected [2, 4, 3, 6]" },
  {
    options: {
      out: tensor(new Float32Array(144), { shape: [2, 4, 3, 6], strides: { b: 0, h: 18, n: 6 } }),
    },
    message: "the strides of out name an element twice",
  },
  { dense: { learnedSinks: [1, 2] }, message: "learnedSinks has 2 logits, q has H = 4" },
];

describe.each(available)("on $label", ({ runtime }) => {
  test.each(BAD)("$message", async (bad) => {
    const inputs = { ...good(), ...bad.inputs } as AttentionInputs;
    const options = { ...bad.options, runtime } as ForwardOptions;
    const attend = dense(bad.dense);
    await expect(attend.forward(inputs, options)).rejects.toThrow(`dense.forward: ${bad.message}`);
    expect(() => attend.forwardSync(inputs, options)).toThrow(`dense.forwardSync: ${bad.message}`);
  });

  test("a buffer that was transferred is named", async () => {
    for (const name of ["q", "k", "v"] as const) {
      const inputs = good();
      const data = inputs[name].data as Float32Array<ArrayBuffer>;
      data.buffer.transfer();
      const message = `${name} needs ${name === "q" ? 192 : name === "k" ? 160 : 120} floats, but its array is empty`;
      await expect(dense().forward(inputs, { runtime })).rejects.toThrow(`dense.forward: ${message}`);
      expect(() => dense().forwardSync(inputs, { runtime })).toThrow(`dense.forwardSync: ${message}`);
    }
  });

  test("a bias or a mask whose buffer was transferred is named", () => {
    const bias = biasTensor(new Float32Array(5), { shape: [1, 1, 1, 5] });
    (bias.data.buffer as ArrayBuffer).transfer();
    expect(() => dense().forwardSync({ ...good(), bias }, { runtime })).toThrow(
      "bias needs 5 elements, its array has 0",
    );
  });

  test("an output that overlaps an input is refused", () => {
    const shared = new Float32Array(400);
    const inputs = { ...good(), q: tensor(shared, { shape: [2, 4, 3, 8] }) };
    const out = tensor(shared.subarray(190), { shape: [2, 4, 3, 6] });
    expect(() => dense().forwardSync(inputs, { out, runtime })).toThrow("dense.forwardSync: out overlaps an input");
    const beside = tensor(shared.subarray(192), { shape: [2, 4, 3, 6] });
    expect(dense().forwardSync(inputs, { out: beside, runtime }).out).toBe(beside);
  });

  test.each([
    [
      [0, 4, 3, 8],
      [0, 2, 5, 8],
      [0, 2, 5, 6],
    ],
    [
      [2, 4, 0, 8],
      [2, 2, 5, 8],
      [2, 2, 5, 6],
    ],
    [
      [2, 0, 3, 8],
      [2, 0, 5, 8],
      [2, 0, 5, 6],
    ],
    [
      [2, 0, 3, 8],
      [2, 2, 5, 8],
      [2, 2, 5, 6],
    ],
  ] as Shape[][])("no rows (q is %j) give an empty result", async (q, k, v) => {
    const inputs = { q: zeros(q), k: zeros(k), v: zeros(v) };
    for (const result of [
      await dense({ causal: true }).forward(inputs, { lse: true, runtime }),
      dense({ causal: true }).forwardSync(inputs, { lse: true, runtime }),
    ]) {
      expect([result.out.data.length, result.lse.length]).toEqual([0, 0]);
      expect(result.runtime).toBe(runtime.name);
    }
  });

  test("no keys (M = 0) give rows of 0 with lse -Infinity, or the sink's logit", async () => {
    const inputs = { q: zeros([2, 4, 3, 8]), k: zeros([2, 2, 0, 8]), v: zeros([2, 2, 0, 6]) };
    const out = tensor(new Float32Array(144).fill(NaN), { shape: [2, 4, 3, 6] });
    const result = await dense().forward(inputs, { lse: true, runtime, out });
    expect(result.out.data).toEqual(new Float32Array(144));
    expect(result.lse).toEqual(new Float32Array(24).fill(-Infinity));
    const sinks = dense({ learnedSinks: [1, 2, 3, 4] }).forwardSync(inputs, { lse: true, runtime });
    expect([...sinks.lse.subarray(0, 12)]).toEqual([1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
  });

  test("a batch element without keys gives rows of 0 with lse -Infinity, or the sink's logit", async () => {
    const inputs = { ...good(), keyLengths: [0, 5] };
    (inputs.v.data as Float32Array).fill(1);
    const result = await dense({ causal: true }).forward(inputs, { lse: true, runtime });
    expect((result.out.data as Float32Array).subarray(0, 72)).toEqual(new Float32Array(72));
    expect((result.out.data as Float32Array).subarray(72)).toEqual(new Float32Array(72).fill(1));
    expect(result.lse.subarray(0, 12)).toEqual(new Float32Array(12).fill(-Infinity));
    const sinks = dense({ learnedSinks: [5, 5, 5, 5] }).forwardSync(inputs, { lse: true, runtime });
    expect(sinks.lse.subarray(0, 12)).toEqual(new Float32Array(12).fill(5));
  });

  test("every position out of reach gives rows of 0", async () => {
    for (const queryOffset of [-3, -(2 ** 30)]) {
      const { out, lse } = await dense({ causal: true }).forward({ ...good(), queryOffset }, { lse: true, runtime });
      expect(out.data).toEqual(new Float32Array(144));
      expect(lse).toEqual(new Float32Array(24).fill(-Infinity));
    }
    const { lse } = await dense({ causal: true }).forward({ ...good(), queryOffset: 2 ** 30 }, { lse: true, runtime });
    expect(lse).toEqual(new Float32Array(24).fill(Math.log(5)));
  });

  test("a signal that is aborted before the call rejects with its reason", async () => {
    const reason = new Error("enough");
    const call = dense().forward(good(), { runtime, signal: AbortSignal.abort(reason) });
    await expect(call).rejects.toBe(reason);
  });

  test("a signal that is aborted during a long call rejects with its reason, and the runtime goes on", async () => {
    const [n, d] = runtime.name === "reference" ? [400, 16] : [4096, 64];
    const view = zeros([1, 8, n, d]);
    const controller = new AbortController();
    const reason = new Error("enough");
    const call = dense().forward({ q: view, k: view, v: view }, { runtime, signal: controller.signal });
    setTimeout(() => controller.abort(reason), 5);
    await expect(call).rejects.toBe(reason);
    const { out } = await dense().forward(good(), { runtime });
    expect(out.data).toEqual(new Float32Array(144));
  });
});

test("options of dense that are not numbers are refused by name", () => {
  const make = (options: object) => () => dense(options);
  expect(make({ scale: NaN })).toThrow("dense: scale is NaN, expected a finite number");
  expect(make({ softcap: -1 })).toThrow("dense: softcap is -1, expected a positive number, or 0 for none");
  expect(make({ softcap: Infinity })).toThrow("dense: softcap is Infinity");
  expect(make({ learnedSinks: 3 })).toThrow("dense: learnedSinks is 3, expected a list of numbers");
});

test("a runtime that does not exist is refused by name", async () => {
  const options = { runtime: "gpu" } as unknown as ForwardOptions;
  const message = 'runtime is "gpu", expected "auto", "native", "wasm" or "reference"';
  await expect(dense().forward(good(), options)).rejects.toThrow(message);
  expect(() => dense().forwardSync(good(), options)).toThrow(message);
});
