import { dense, tensor, type Tensor } from "@saccade/core";
import { retention } from "@saccade/linear";
import { expect, test } from "vitest";
import {
  attentionMap,
  mapRow,
  MultiHeadAttention,
  recordCalls,
  rollout,
  sequence,
  Transformer,
  transformerConfig,
  type TensorNumbers,
} from "../../src/index.ts";
import { difference, inputs } from "./call-inputs.ts";
import { generatedState, SMALL } from "../model/generated-model.ts";
import { explicitWeights } from "./explicit-weights.ts";
import { normal } from "./normal.ts";

test("an attention that keeps its calls gives the same results, maps and rollouts", async () => {
  const plain = dense({ causal: true });
  const { attention, calls } = recordCalls(plain);
  const layers = [1, 2].map((seed) => inputs({ queries: 12, seed }));
  const outs = await Promise.all(layers.map(async (layer) => (await attention.forward(layer)).out.data));
  expect(outs).toEqual(await Promise.all(layers.map(async (layer) => (await plain.forward(layer)).out.data)));
  expect(calls).toEqual(layers);
  const map = await attentionMap(plain, calls[1]!, { queries: [11] });
  const want = await attentionMap(plain, layers[1]!, { queries: [11] });
  expect(difference(map.weights, want.weights)).toBeLessThan(1e-6);
  const rolled = await rollout(
    calls.map((call) => ({ attention: plain, inputs: call })),
    { queries: [11] },
  );
  expect(rolled.weights.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 5);
});

test("linear attention keeps its calls too", async () => {
  const { attention, calls } = recordCalls(retention());
  await attention.forward(inputs({ queries: 5 }));
  expect(calls.length).toBe(1);
});

test("what a layer calls its attention with gives the weights that the layer gives", async () => {
  const numbers = (rows: number, seed: number): TensorNumbers => ({
    type: "f32",
    shape: [rows, 24],
    data: normal(rows * 24, seed).map((x) => 0.3 * x),
  });
  const plain = dense({ causal: true });
  const layer = new MultiHeadAttention({ modelDim: 24, heads: 4, kvHeads: 2, headDim: 6, attention: plain }).load({
    "q_proj.weight": numbers(24, 1),
    "k_proj.weight": numbers(12, 2),
    "v_proj.weight": numbers(12, 3),
    "o_proj.weight": numbers(24, 4),
  });
  const { attention, calls } = recordCalls(plain);
  const x = sequence(normal(30 * 24, 5), [1, 30, 24]);
  await layer.with({ attention }).forward(x);
  const { weights } = await layer.forward(x, undefined, { needWeights: true, averageWeights: false });
  const map = await attentionMap(plain, calls[0]!, { queries: [0, 17, 29] });
  for (const head of [0, 1, 2, 3]) {
    const rows = weights!.subarray(head * 30 * 30, (head + 1) * 30 * 30);
    for (const query of [0, 17, 29]) {
      expect(difference(mapRow(map, query, head), rows.subarray(query * 30, (query + 1) * 30))).toBeLessThan(1e-6);
    }
  }
});

test("all layers of a model are rolled out from what its attention was called with", async () => {
  const N = 20;
  const plain = dense({ causal: true });
  const { attention, calls } = recordCalls(plain);
  const model = Transformer.load(transformerConfig({ ...SMALL }), generatedState(SMALL, "f32"), { attention });
  await model.hidden(Array.from({ length: N }, (_, n) => (5 * n) % SMALL.vocab_size));
  expect(calls.length).toBe(SMALL.num_hidden_layers);
  const layers = calls.map((call) => ({ attention: plain, inputs: call }));
  const rolled = await rollout(layers, { queries: [N - 1] });
  // The same with whole matrices, whose inputs are heads before tokens.
  let row = Float64Array.from({ length: N }, (_, n) => (n === N - 1 ? 1 : 0));
  for (const { q, k, v } of calls.toReversed()) {
    const call = { q: headsFirst(q), k: headsFirst(k), v };
    const next = row.map((share) => share / 2);
    for (let i = 0; i < N; i++) {
      for (let h = 0; h < q.heads; h++) {
        const weights = explicitWeights(call, 0, h, i, { shows: (p, j) => j <= p });
        for (let j = 0; j < N; j++) next[j]! += (row[i]! * weights[j]!) / (2 * q.heads);
      }
    }
    row = next;
  }
  expect(difference(mapRow(rolled, N - 1), row)).toBeLessThan(1e-5);
});

function headsFirst({ data, heads, length, width }: Tensor): Tensor {
  const from = data as Float32Array;
  const to = new Float32Array(heads * length * width);
  for (let h = 0; h < heads; h++) {
    for (let n = 0; n < length; n++) {
      const at = (n * heads + h) * width;
      to.set(from.subarray(at, at + width), (h * length + n) * width);
    }
  }
  return tensor(to, { shape: [1, heads, length, width] });
}
