import { dense } from "@saccade/core";
import { retention } from "@saccade/linear";
import { expect, test } from "vitest";
import { attentionMap, recordCalls, rollout } from "../../src/index.ts";
import { difference, inputs } from "./call-inputs.ts";

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
