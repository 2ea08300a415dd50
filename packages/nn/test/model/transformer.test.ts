import { chunkLocal } from "@saccade/chunked";
import { eluPlusOne, linear } from "@saccade/linear";
import { slidingWindow } from "@saccade/sliding-window";
import { dense, openRuntime } from "@saccade/core";
import { describe, expect, test } from "vitest";
import { encodeSafetensors, parseSafetensors, Transformer, transformerConfig } from "../../src/index.ts";
import { float64Forward, type Sees } from "./float64-forward.ts";
import { generatedState, SMALL, type GeneratedConfig } from "./generated-model.ts";

const tokens = Array.from({ length: 90 }, (_, n) => (n * n * 7 + 3 * n) % SMALL.vocab_size);

function load(config: GeneratedConfig, type: "f32" | "bf16" = "f32"): Transformer {
  const state = generatedState(config, type);
  return Transformer.load(transformerConfig({ ...config }), state);
}

/** Largest difference over the largest logit. */
function error(got: Float32Array, want: readonly Float64Array[]): number {
  const vocabulary = want[0]!.length;
  expect(got).toHaveLength(want.length * vocabulary);
  let [most, size] = [0, 0];
  for (const [n, row] of want.entries()) {
    for (const [i, x] of row.entries()) {
      most = Math.max(most, Math.abs(got[n * vocabulary + i]! - x));
      size = Math.max(size, Math.abs(x));
    }
  }
  return most / size;
}

const SCALINGS: readonly (readonly [string, GeneratedConfig["rope_scaling"]])[] = [
  ["no scaling", null],
  ["linear scaling", { type: "linear", factor: 4 }],
  ["dynamic NTK", { rope_type: "dynamic", factor: 2, original_max_position_embeddings: 32 }],
  ["YaRN", { rope_type: "yarn", factor: 4, original_max_position_embeddings: 32 }],
  [
    "Llama 3.1's scaling",
    { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 32 },
  ],
];

describe("a transformer is what its formulas say in float64", () => {
  test.each(SCALINGS)("with %s", async (_, rope_scaling) => {
    const config = { ...SMALL, rope_scaling };
    expect(
      error(await load(config).forward(tokens), float64Forward(config, generatedState(config), tokens)),
    ).toBeLessThan(1e-5);
  });

  test.each<Partial<GeneratedConfig>>([
    { tie_word_embeddings: true },
    { model_type: "qwen2" },
    { model_type: "qwen3" },
    { num_key_value_heads: 4 },
    { num_key_value_heads: 1, head_dim: 16 },
  ])("with %o", async (change) => {
    const config = { ...SMALL, ...change };
    expect(
      error(await load(config).forward(tokens), float64Forward(config, generatedState(config), tokens)),
    ).toBeLessThan(1e-5);
  });

  test("with weights of bf16 from a file", async () => {
    const state = generatedState(SMALL, "bf16");
    const model = Transformer.load(
      transformerConfig(JSON.stringify(SMALL)),
      parseSafetensors(encodeSafetensors(state)),
    );
    expect(error(await model.forward(tokens), float64Forward(SMALL, state, tokens))).toBeLessThan(1e-5);
  });

  test("on WebAssembly", async () => {
    await using runtime = await openRuntime("wasm", { threads: 1 });
    const logits = await load(SMALL).forward(tokens, { runtime });
    expect(error(logits, float64Forward(SMALL, generatedState(SMALL), tokens))).toBeLessThan(1e-5);
  });

  const variants: readonly (readonly [string, ReturnType<typeof slidingWindow>, Sees])[] = [
    ["a window", slidingWindow({ window: 9, sinks: 2 }), (q, k) => k <= q && (q - k < 9 || k < 2)],
    ["chunks", chunkLocal({ chunk: 16 }), (q, k) => k <= q && Math.floor(q / 16) === Math.floor(k / 16)],
  ];
  test.each(variants)("with %s", async (_, attention, sees) => {
    const want = float64Forward(SMALL, generatedState(SMALL), tokens, { sees });
    expect(error(await load(SMALL).with({ attention }).forward(tokens), want)).toBeLessThan(1e-5);
  });
});

describe("a transformer", () => {
  test.each(SCALINGS)("gives the same at once and step by step, with %s", async (_, rope_scaling) => {
    const config = { ...SMALL, rope_scaling };
    const model = load(config);
    const want = float64Forward(config, generatedState(config), tokens, { length: 100 });
    await using decoder = model.decoder({ capacity: 100 });
    expect(error(await decoder.append(tokens.slice(0, 40), { all: true }), want.slice(0, 40))).toBeLessThan(1e-5);
    for (let n = 40; n < 50; n++) expect(error(await decoder.append([tokens[n]!]), [want[n]!])).toBeLessThan(1e-5);
    expect(error(await decoder.append(tokens.slice(50)), [want[89]!])).toBeLessThan(1e-5);
    expect(decoder.length).toBe(90);
  });

  test.each([
    ["a window", slidingWindow({ window: 9, sinks: 2 })],
    ["linear attention", linear({ map: eluPlusOne() })],
  ])("steps with %s as it runs at once", async (_, attention) => {
    const model = load(SMALL).with({ attention });
    const logits = await model.forward(tokens);
    const want = Array.from({ length: 90 }, (_row, n) => Float64Array.from(logits.subarray(n * 50, (n + 1) * 50)));
    await using decoder = model.decoder({ capacity: 90 });
    await decoder.append(tokens.slice(0, 70));
    for (let n = 70; n < 90; n++) expect(error(await decoder.append([tokens[n]!]), [want[n]!])).toBeLessThan(1e-5);
  });

  test("may have another attention in every layer", async () => {
    const layered = load(SMALL).with({
      attention: (layer) => (layer === 0 ? slidingWindow({ window: 9 }) : dense({ causal: true })),
    });
    const all = await load(SMALL).forward(tokens);
    const mixed = await layered.forward(tokens);
    expect(mixed.subarray(0, 50 * 9)).toEqual(all.subarray(0, 50 * 9));
    expect(mixed).not.toEqual(all);
    expect(layered.attentions).toHaveLength(2);
  });

  test("has losses that are -ln p of the next token", async () => {
    const want = float64Forward(SMALL, generatedState(SMALL), tokens);
    const losses = await load(SMALL).losses(tokens);
    expect(losses).toHaveLength(89);
    for (const [n, loss] of losses.entries()) {
      const row = want[n]!;
      const expected = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0)) - row[tokens[n + 1]!]!;
      expect(Math.abs(loss - expected)).toBeLessThan(1e-4);
    }
    expect(await load(SMALL).losses([3])).toHaveLength(0);
  });

  test("takes back a call that fails, in all of its layers", async () => {
    await using decoder = load(SMALL).decoder({ capacity: 10 });
    await decoder.append(tokens.slice(0, 8));
    await expect(decoder.append(tokens.slice(8, 12))).rejects.toThrow("cache full");
    expect(decoder.length).toBe(8);
    const want = float64Forward(SMALL, generatedState(SMALL), [...tokens.slice(0, 8), 7]);
    expect(error(await decoder.append([7]), [want[8]!])).toBeLessThan(1e-5);
    decoder.rewind(1);
    expect(decoder.length).toBe(8);
    expect(decoder.cacheBytes).toBeGreaterThan(0);
  });
});

describe("a transformer refuses", () => {
  const config =
    (change: object): (() => unknown) =>
    () =>
      transformerConfig({ ...SMALL, ...change });

  test("settings that it does not have", () => {
    expect(config({ model_type: "gemma" })).toThrow('model_type is "gemma", expected llama, mistral, qwen2, qwen3');
    expect(config({ hidden_act: "gelu" })).toThrow('hidden_act is "gelu", expected "silu"');
    expect(config({ hidden_size: undefined })).toThrow("hidden_size is undefined, expected a number");
    expect(config({ num_attention_heads: 2.5 })).toThrow("num_attention_heads is 2.5, expected an integer");
    expect(config({ rope_scaling: { type: "longrope" } })).toThrow('rope type is "longrope"');
    expect(config({ rope_scaling: { type: "linear" } })).toThrow("rope_scaling: factor is undefined");
    expect(config({ rope_scaling: 3 })).toThrow("rope_scaling is 3, expected an object");
    expect(() => transformerConfig("[]")).toThrow("expected an object");
  });

  test("parameters that are missing or left over, and tokens that are none", async () => {
    const { "model.norm.weight": _, ...without } = generatedState(SMALL);
    const settings = transformerConfig({ ...SMALL });
    expect(() => Transformer.load(settings, without)).toThrow("Transformer.load: model.norm.weight is missing");
    const { "lm_head.weight": __, ...headless } = generatedState(SMALL);
    expect(() => Transformer.load(settings, headless)).toThrow(
      "lm_head.weight is missing, and embeddings are not tied",
    );
    const extra = {
      ...generatedState(SMALL),
      "model.layers.2.mlp.up_proj.weight": without["model.embed_tokens.weight"]!,
    };
    expect(() => Transformer.load(settings, extra)).toThrow("no use for model.layers.2.mlp.up_proj.weight");
    await expect(load(SMALL).forward([1, 50])).rejects.toThrow("tokens[1] is 50, expected an integer in 0..49");
  });

  test("nothing of newer files, which have all of rope in one place", () => {
    const { rope_theta, rope_scaling: _, ...rest } = SMALL;
    const scaling = { rope_type: "linear", factor: 2, rope_theta };
    expect(transformerConfig({ ...rest, rope_parameters: scaling }).rope).toEqual({
      dim: 8,
      rotaryDim: 8,
      base: 10_000,
      scaling: { type: "linear", factor: 2 },
    });
  });
});
