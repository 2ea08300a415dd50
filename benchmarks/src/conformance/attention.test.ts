import { describe, expect, test } from "vitest";
import { attention } from "./attention.ts";
import { difference } from "./compare.ts";
import { roundElements } from "./element-types.ts";
import type { OnnxTensor } from "./proto.ts";
import { Unsupported } from "./unsupported.ts";
import { explicitAttention } from "./explicit-attention.ts";
import { floats } from "./test-folder.ts";

const random = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
};

const randomTensor = (shape: readonly number[], type: OnnxTensor["type"], next: () => number): OnnxTensor => {
  const values = Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => next() * 2 - 1);
  return { type, shape, values: roundElements(type, values) };
};

/** [B, H, N, D] as [B, N, H * D]. */
const merged = ({ type, shape, values }: OnnxTensor): OnnxTensor => {
  const [batch, heads, length, width] = shape as [number, number, number, number];
  const to = new Float64Array(values.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let n = 0; n < length; n++) {
        const from = ((b * heads + h) * length + n) * width;
        to.set(values.subarray(from, from + width), ((b * length + n) * heads + h) * width);
      }
    }
  }
  return { type, shape: [batch, length, heads * width], values: to };
};

const joined = (past: OnnxTensor | undefined, fresh: OnnxTensor): OnnxTensor => {
  if (past === undefined) return fresh;
  const [batch, heads, length, width] = fresh.shape as [number, number, number, number];
  const before = past.shape[2]!;
  const parts = Array.from({ length: batch * heads }, (_, i) => [
    ...past.values.subarray(i * before * width, (i + 1) * before * width),
    ...fresh.values.subarray(i * length * width, (i + 1) * length * width),
  ]);
  return { type: fresh.type, shape: [batch, heads, before + length, width], values: Float64Array.from(parts.flat()) };
};

interface Case {
  readonly seed: number;
  readonly axes: 3 | 4;
  readonly heads: readonly [number, number];
  readonly type?: OnnxTensor["type"];
  readonly past?: number;
  readonly valid?: readonly number[];
  readonly causal?: boolean;
  readonly softcap?: number;
  readonly scale?: number;
  readonly maskShape?: readonly number[];
  readonly maskType?: OnnxTensor["type"];
  readonly mode?: 0 | 1 | 2 | 3;
  readonly precision?: number;
}

const [BATCH, QUERIES, KEYS, WIDTH, VALUE_WIDTH] = [2, 4, 6, 8, 10];

const check = async (given: Case): Promise<void> => {
  const next = random(given.seed);
  const type = given.type ?? "float";
  const [heads, kvHeads] = given.heads;
  const q = randomTensor([BATCH, heads, QUERIES, WIDTH], type, next);
  const k = randomTensor([BATCH, kvHeads, KEYS, WIDTH], type, next);
  const v = randomTensor([BATCH, kvHeads, KEYS, VALUE_WIDTH], type, next);
  const past = given.past === undefined ? undefined : given.past;
  const pastKey = past === undefined ? undefined : randomTensor([BATCH, kvHeads, past, WIDTH], type, next);
  const pastValue = past === undefined ? undefined : randomTensor([BATCH, kvHeads, past, VALUE_WIDTH], type, next);
  const allKeys = joined(pastKey, k);
  const total = allKeys.shape[2]!;
  const maskType = given.maskType ?? type;
  let mask: OnnxTensor | undefined;
  if (given.maskShape !== undefined) {
    mask = randomTensor(given.maskShape, maskType, next);
    if (maskType === "bool") mask = { ...mask, values: mask.values.map((value) => (value > 0 ? 1 : 0)) };
    else mask = { ...mask, values: mask.values.map((value) => (value > 0.5 ? -Infinity : value)) };
  }
  const { y, modes } = explicitAttention({
    q,
    k: allKeys,
    v: joined(pastValue, v),
    scale: given.scale ?? 1 / Math.sqrt(WIDTH),
    softcap: given.softcap ?? 0,
    causal: given.causal ?? false,
    valid: given.valid ?? [total, total],
    before: given.valid?.map((valid) => valid - QUERIES) ?? [past ?? 0, past ?? 0],
    added: (b, h, i, j) => {
      if (mask === undefined) return 0;
      const [mb, mh, mn, mm] = [...Array.from({ length: 4 - mask.shape.length }, () => 1), ...mask.shape] as [
        number,
        number,
        number,
        number,
      ];
      if (j >= mm) return -Infinity;
      const value = mask.values[(((mb === 1 ? 0 : b) * mh + (mh === 1 ? 0 : h)) * mn + (mn === 1 ? 0 : i)) * mm + j]!;
      return maskType === "bool" ? (value === 0 ? -Infinity : 0) : value;
    },
  });
  const shaped = given.axes === 3 ? merged : (tensor: OnnxTensor) => tensor;
  const valid = given.valid && { type: "int64" as const, shape: [BATCH], values: Float64Array.from(given.valid) };
  const attributes: [string, number][] = [["is_causal", given.causal ? 1 : 0]];
  if (given.axes === 3) attributes.push(["q_num_heads", heads], ["kv_num_heads", kvHeads]);
  if (given.softcap !== undefined) attributes.push(["softcap", given.softcap]);
  if (given.scale !== undefined) attributes.push(["scale", given.scale]);
  if (given.mode !== undefined) attributes.push(["qk_matmul_output_mode", given.mode]);
  if (given.precision !== undefined) attributes.push(["softmax_precision", given.precision]);
  const got = await attention({
    operator: "Attention",
    inputs: [shaped(q), shaped(k), shaped(v), mask, pastKey, pastValue, valid],
    attributes: new Map(attributes),
    wanted: [true, true, true, given.mode !== undefined],
    runtime: "auto",
  });
  const rounded = (shape: readonly number[], values: Float64Array): OnnxTensor => ({
    type,
    shape,
    values: roundElements(type, values),
  });
  expect(difference(got[0]!, shaped(rounded([BATCH, heads, QUERIES, VALUE_WIDTH], y)))).toBeUndefined();
  expect(difference(got[1]!, allKeys)).toBeUndefined();
  expect(difference(got[2]!, joined(pastValue, v))).toBeUndefined();
  if (given.mode === undefined) expect(got[3]).toBeUndefined();
  // A raw score may cancel to nearly 0: its error follows the terms of its sum, which are below 1 here.
  else
    expect(
      difference(got[3]!, rounded([BATCH, heads, QUERIES, total], modes[given.mode]!), {
        relative: 1e-3,
        absolute: 1e-6,
      }),
    ).toBeUndefined();
};

describe("ONNX Attention on Saccade equals its formula written out", () => {
  test.each<[string, Case]>([
    ["with 4 axes", { seed: 1, axes: 4, heads: [3, 3] }],
    ["with 3 axes", { seed: 2, axes: 3, heads: [3, 3] }],
    ["with grouped heads", { seed: 3, axes: 4, heads: [9, 3] }],
    ["with grouped heads in 3 axes", { seed: 4, axes: 3, heads: [9, 3] }],
    ["with a scale and a softcap", { seed: 5, axes: 4, heads: [4, 1], scale: 2, softcap: 0.5 }],
    ["causal from the top left", { seed: 6, axes: 4, heads: [3, 3], causal: true }],
    ["causal behind a past", { seed: 7, axes: 3, heads: [9, 3], causal: true, past: 5 }],
    ["with an empty past", { seed: 8, axes: 4, heads: [3, 3], past: 0 }],
    ["causal up to the valid keys", { seed: 9, axes: 4, heads: [4, 2], causal: true, valid: [6, 5] }],
    ["causal with fewer valid keys than queries", { seed: 10, axes: 4, heads: [4, 2], causal: true, valid: [3, 0] }],
    ["with valid keys and no causal mask", { seed: 11, axes: 4, heads: [4, 2], valid: [2, 6] }],
    ["with a boolean mask of 2 axes", { seed: 12, axes: 4, heads: [3, 3], maskShape: [4, 6], maskType: "bool" }],
    ["with a boolean mask of 1 axis", { seed: 13, axes: 4, heads: [3, 3], maskShape: [6], maskType: "bool" }],
    ["with a bias per head", { seed: 14, axes: 3, heads: [3, 3], maskShape: [3, 4, 6] }],
    [
      "with a bias per batch element and query",
      { seed: 15, axes: 4, heads: [3, 3], maskShape: [2, 1, 4, 6], causal: true },
    ],
    ["with a mask shorter than the keys", { seed: 16, axes: 4, heads: [3, 3], maskShape: [2, 3, 1, 4], valid: [3, 4] }],
    [
      "with a short mask over a past",
      { seed: 17, axes: 4, heads: [3, 3], maskShape: [4, 7], maskType: "bool", past: 3, causal: true },
    ],
    ["in 16-bit floats", { seed: 18, axes: 4, heads: [4, 2], type: "float16", maskShape: [4, 6] }],
    ["in bfloat16", { seed: 19, axes: 4, heads: [4, 2], type: "bfloat16" }],
  ])("%s", (_, given) => check(given));

  test.each([0, 1, 2, 3] as const)("showing matrix %i, causal, capped and masked", async (mode) => {
    await check({
      seed: 20 + mode,
      axes: 4,
      heads: [4, 2],
      mode,
      softcap: 0.7,
      causal: true,
      maskShape: [4, 9],
      maskType: "bool",
      past: 3,
    });
    await check({
      seed: 30 + mode,
      axes: 3,
      heads: [4, 2],
      mode,
      valid: [5, 2],
      causal: true,
      maskShape: [2, 4, 4, 6],
    });
    await check({ seed: 40 + mode, axes: 4, heads: [2, 2], mode, type: "float16", precision: 1 });
  });
});

describe("ONNX Attention names what is not implemented", () => {
  const call = (attributes: [string, number][], type: OnnxTensor["type"] = "float", mask?: OnnxTensor) => {
    const tensor = { ...floats([1, 1, 2, 4], [1, 2, 3, 4, 5, 6, 7, 8]), type };
    return attention({
      operator: "Attention",
      inputs: [tensor, tensor, tensor, mask],
      attributes: new Map(attributes),
      wanted: [true],
      runtime: "auto",
    });
  };

  test("a window", async () => {
    await expect(call([["left_window_size", 3]])).rejects.toThrow(
      new Unsupported("Attention attribute left_window_size"),
    );
    await expect(call([["left_window_size", -1]])).resolves.toHaveLength(4);
  });

  test("a softmax in double, and tensors of double", async () => {
    await expect(call([["softmax_precision", 11]])).rejects.toThrow(new Unsupported("Attention softmax_precision 11"));
    await expect(call([], "double")).rejects.toThrow(new Unsupported("Attention of double"));
  });

  test("a mask of integers", async () => {
    const mask: OnnxTensor = { type: "int8", shape: [2], values: Float64Array.of(0, 1) };
    await expect(call([], "float", mask)).rejects.toThrow(new Unsupported("attn_mask of int8"));
  });
});

test("ONNX Attention refuses sizes that do not fit", async () => {
  const [q, odd] = [floats([1, 2, 4], new Array(8).fill(1)), floats([1, 2, 5], new Array(10).fill(1))];
  const run = (inputs: readonly (OnnxTensor | undefined)[]) =>
    attention({
      operator: "Attention",
      inputs,
      attributes: new Map([
        ["q_num_heads", 2],
        ["kv_num_heads", 2],
      ]),
      wanted: [true],
      runtime: "auto",
    });
  await expect(run([q, odd, q])).rejects.toThrow("5 numbers a token do not divide into 2 heads");
  await expect(run([q, q, q, floats([3, 2], [0, 0, 0, 0, 0, 0])])).rejects.toThrow(
    "attn_mask: [3, 2] does not broadcast to [1, 2, 2, 2]",
  );
  await expect(run([q, q, undefined])).rejects.toThrow("Attention: expected an input 2");
});
