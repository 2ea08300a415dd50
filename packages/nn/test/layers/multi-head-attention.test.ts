import { dense, type Attention } from "@saccade/core";
import { chunkLocal } from "@saccade/chunked";
import { eluPlusOne, gated, linear } from "@saccade/linear";
import { rope } from "@saccade/positions";
import { slidingWindow } from "@saccade/sliding-window";
import { describe, expect, test } from "vitest";
import {
  encodeSafetensors,
  MultiHeadAttention,
  narrow,
  parseSafetensors,
  sequence,
  type State,
  type TensorNumbers,
} from "../../src/index.ts";
import { normal } from "../seeing/normal.ts";

const SIZES = { modelDim: 24, heads: 4, kvHeads: 2, headDim: 8 } as const;

function tensorOf(shape: readonly number[], seed: number): TensorNumbers {
  const count = shape.reduce((product, size) => product * size, 1);
  return { type: "f32", shape, data: normal(count, seed).map((x) => 0.3 * x) };
}

function llamaState(prefix = ""): Record<string, TensorNumbers> {
  return {
    [`${prefix}q_proj.weight`]: tensorOf([32, 24], 1),
    [`${prefix}k_proj.weight`]: tensorOf([16, 24], 2),
    [`${prefix}v_proj.weight`]: tensorOf([16, 24], 3),
    [`${prefix}o_proj.weight`]: tensorOf([24, 32], 4),
  };
}

const x = sequence(normal(2 * 30 * 24, 9), [2, 30, 24]);

function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

describe("a layer of attention", () => {
  const layer = new MultiHeadAttention({ ...SIZES, attention: dense({ causal: true }) }).load(llamaState());

  test("changes its attention by one argument", async () => {
    const { out } = await layer.forward(x);
    const all = layer.with({ attention: slidingWindow({ window: 30 }) });
    expect(farthest((await all.forward(x)).out.data, out.data)).toBeLessThan(1e-6);
    for (const attention of [slidingWindow({ window: 3 }), chunkLocal({ chunk: 8 }), linear({ map: eluPlusOne() })]) {
      const other = new MultiHeadAttention({ ...SIZES, attention }).load(llamaState());
      expect(farthest((await other.forward(x)).out.data, out.data)).toBeGreaterThan(1e-3);
    }
  });

  test("takes a variant that reads gates as a type error", () => {
    // @ts-expect-error: this layer makes no decay
    expect(new MultiHeadAttention({ ...SIZES, attention: gated() }).sizes.heads).toBe(4);
  });

  test.each<[string, Attention | undefined]>([
    ["dense", undefined],
    ["a window", slidingWindow({ window: 5, sinks: 1 })],
    ["chunks", chunkLocal({ chunk: 7 })],
  ])("gives the same token by token: %s", async (_, attention = dense({ causal: true })) => {
    const positions = rope({ dim: 8 });
    const whole = new MultiHeadAttention({ ...SIZES, attention, positions }).load(llamaState());
    const { out } = await whole.forward(x);
    await using decoder = whole.decoder({ batch: 2, capacity: 40, rewindable: 8 });
    let at = 0;
    for (const count of [17, 1, 1, 6, 5]) {
      const part = new Float32Array(2 * count * 24);
      for (let b = 0; b < 2; b++)
        part.set(x.data.subarray((b * 30 + at) * 24, (b * 30 + at + count) * 24), b * count * 24);
      const step = await decoder.append(sequence(part, [2, count, 24]));
      for (let b = 0; b < 2; b++) {
        const want = out.data.subarray((b * 30 + at) * 24, (b * 30 + at + count) * 24);
        expect(farthest(step.data.subarray(b * count * 24, (b + 1) * count * 24), want)).toBeLessThan(1e-5);
      }
      at += count;
    }
    expect(decoder.length).toBe(30);
    decoder.rewind(2);
    expect(decoder.length).toBe(28);
  });

  test("finds its parameters behind a prefix, in a file, in half the bytes", async () => {
    const prefix = "model.layers.3.self_attn.";
    const halves = Object.fromEntries(
      Object.entries(llamaState(prefix)).map(([name, { shape, data }]) => [
        name,
        { type: "bf16", shape, data: narrow("bf16", data as Float32Array) } as const,
      ]),
    );
    const file = parseSafetensors(encodeSafetensors({ ...halves, "model.norm.weight": tensorOf([24], 5) }));
    const loaded = new MultiHeadAttention({ ...SIZES, attention: dense({ causal: true }) }).load(file, { prefix });
    const off = farthest((await loaded.forward(x)).out.data, (await layer.forward(x)).out.data);
    expect(off).toBeGreaterThan(0);
    expect(off).toBeLessThan(0.05);
  });

  test("whose queries see nothing gives its bias, and no NaN", async () => {
    const bias = tensorOf([24], 7);
    const state = { ...llamaState(), "o_proj.bias": bias };
    const open = new MultiHeadAttention(SIZES).load(state);
    const { out } = await open.forward(x, undefined, { keyPaddingMask: new Uint8Array(60).fill(1, 0, 30) });
    expect(farthest(out.data.subarray(29 * 24, 30 * 24), bias.data)).toBe(0);
    expect(out.data.every(Number.isFinite)).toBe(true);
  });

  test("takes both masks of both kinds together", async () => {
    const open = new MultiHeadAttention(SIZES).load(llamaState());
    const attnMask = Uint8Array.from({ length: 900 }, (_, i) => (i % 30 > Math.floor(i / 30) ? 1 : 0));
    const padding = Float32Array.from({ length: 60 }, (_, i) => (i % 30 >= 20 ? -Infinity : 0));
    const hiding = Uint8Array.from(padding, (added) => (added === 0 ? 0 : 1));
    const { out } = await open.forward(x, undefined, { attnMask, keyPaddingMask: padding });
    expect(
      farthest((await open.forward(x, undefined, { attnMask, keyPaddingMask: hiding })).out.data, out.data),
    ).toBeLessThan(1e-6);
    const causal = await layer.forward(x);
    expect(farthest(out.data.subarray(0, 20 * 24), causal.out.data.subarray(0, 20 * 24))).toBeLessThan(1e-6);
  });
});

describe("a layer of attention refuses", () => {
  const load =
    (state: State, options = {}) =>
    () =>
      new MultiHeadAttention({ ...SIZES, ...options }).load(state);

  test("sizes that make no sense", () => {
    expect(() => new MultiHeadAttention({ modelDim: 24, heads: 5 })).toThrow("headDim is 4.8, expected an integer");
    expect(() => new MultiHeadAttention({ ...SIZES, kvHeads: 3 })).toThrow("kvHeads = 3 does not divide heads = 4");
    expect(() => new MultiHeadAttention({ ...SIZES, positions: rope({ dim: 6 }) })).toThrow(
      "positions are made for D = 6",
    );
  });

  test("parameters that are missing, too many, or of another shape", () => {
    const { "v_proj.weight": _, ...without } = llamaState();
    expect(load(without)).toThrow("MultiHeadAttention.load: v_proj.weight is missing, there are q_proj.weight");
    expect(load({ ...llamaState(), "qkv.weight": tensorOf([1], 1) })).toThrow("no use for qkv.weight");
    expect(load({ ...llamaState(), "rotary_emb.inv_freq": tensorOf([4], 1) })).not.toThrow();
    expect(load({ ...llamaState(), "k_proj.weight": tensorOf([32, 24], 1) })).toThrow(
      "k_proj.weight has shape [32, 24], expected [16, 24]",
    );
    expect(load({ ...llamaState(), bias_k: tensorOf([1, 1, 24], 1) })).toThrow("bias_k (add_bias_kv) is not supported");
    expect(load(llamaState(), { bias: true })).toThrow("bias is true, but the parameters have none");
  });

  test("calls that do not fit", async () => {
    const layer = new MultiHeadAttention(SIZES);
    await expect(layer.forward(x)).rejects.toThrow("MultiHeadAttention.forward: no parameters are loaded");
    layer.load(llamaState());
    await expect(layer.forward(sequence(new Float32Array(50), [1, 2, 25]))).rejects.toThrow(
      "x has width 25, expected 24",
    );
    await expect(layer.forward(x, sequence(new Float32Array(24), [1, 1, 24]))).rejects.toThrow("x has B = 2");
    await expect(layer.forward(x, undefined, { attnMask: new Uint8Array(7) })).rejects.toThrow(
      "attnMask has 7 numbers, expected [30, 30] or [8, 30, 30]",
    );
    await expect(layer.forward(x, undefined, { keyPaddingMask: new Uint8Array(7) })).rejects.toThrow(
      "expected [2, 30]",
    );
    const turned = new MultiHeadAttention({ ...SIZES, positions: rope({ dim: 8 }) }).load(llamaState());
    await expect(turned.forward(x, x)).rejects.toThrow("positions of a context are not defined");
    const recurrent = new MultiHeadAttention({ ...SIZES, attention: linear({ map: eluPlusOne() }) }).load(llamaState());
    await expect(recurrent.forward(x, undefined, { attnMask: new Uint8Array(900) })).rejects.toThrow(
      "masks go with softmax",
    );
    await expect(recurrent.forward(x, undefined, { needWeights: true })).rejects.toThrow(
      "this attention has no weights",
    );
    expect(() => sequence(new Float32Array(5), [2, 3])).toThrow("shape [2, 3] takes 6 numbers, there are 5");
  });
});
