import { dense } from "@saccade/core";
import { retention } from "@saccade/linear";
import { expect, test } from "vitest";
import {
  attentionMap,
  mapRow,
  MultiHeadAttention,
  recordCalls,
  rollout,
  sequence,
  type TensorNumbers,
} from "../../src/index.ts";
import { difference, inputs } from "./call-inputs.ts";
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
