import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AttributeValue, OnnxTensor } from "./proto.ts";
import { runTest } from "./runner.ts";
import { floats, graphOfNodes, writeTest } from "./test-folder.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "saccade-flex-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const [BATCH, HEADS, GROUPS, QUERIES, KEYS, WIDTH, VALUE_WIDTH] = [2, 4, 2, 3, 5, 4, 6];

const waves = (shape: readonly number[], phase: number): OnnxTensor =>
  floats(
    shape,
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1.7 * i + phase)),
  );

const q = waves([BATCH, HEADS, QUERIES, WIDTH], 0);
const k = waves([BATCH, GROUPS, KEYS, WIDTH], 1);
const v = waves([BATCH, GROUPS, KEYS, VALUE_WIDTH], 2);

interface Formula {
  readonly scale?: number;
  readonly score?: (s: number, i: number, j: number) => number;
  readonly probability?: (p: number, h: number, j: number) => number;
}

/** Y over every pair in float64. */
const explicit = ({ scale = 1 / Math.sqrt(WIDTH), score = (s) => s, probability = (p) => p }: Formula): OnnxTensor => {
  const y = new Float64Array(BATCH * HEADS * QUERIES * VALUE_WIDTH);
  for (let row = 0; row < BATCH * HEADS * QUERIES; row++) {
    const [b, h, i] = [Math.floor(row / HEADS / QUERIES), Math.floor(row / QUERIES) % HEADS, row % QUERIES];
    const first = (b * GROUPS + Math.floor((h * GROUPS) / HEADS)) * KEYS;
    const weights = Array.from({ length: KEYS }, (_, j) => {
      let dot = 0;
      for (let d = 0; d < WIDTH; d++) dot += q.values[row * WIDTH + d]! * k.values[(first + j) * WIDTH + d]!;
      return Math.exp(score(scale * dot, i, j));
    });
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    for (const [j, weight] of weights.entries()) {
      const p = probability(total === 0 ? 0 : weight / total, h, j);
      for (let e = 0; e < VALUE_WIDTH; e++) y[row * VALUE_WIDTH + e]! += p * v.values[(first + j) * VALUE_WIDTH + e]!;
    }
  }
  return floats([BATCH, HEADS, QUERIES, VALUE_WIDTH], y);
};

const check = async (name: string, attributes: Record<string, AttributeValue>, formula: Formula): Promise<void> => {
  const inputs = [q, k, v];
  const outputs = [explicit(formula)];
  await writeTest(folder, name, { operator: "FlexAttention", domain: "ai.onnx.preview", attributes, inputs, outputs });
  expect(await runTest(join(folder, name))).toEqual({ status: "passed", detail: undefined });
};

describe("ONNX FlexAttention on Saccade equals its formula written out", () => {
  test("without graphs, with grouped heads and values of another width", () => check("plain", {}, {}));

  test("with a scale", () => check("scale", { scale: 0.75 }, { scale: 0.75 }));

  test("with a score_mod: causal from the top left by a table", () => {
    const shown: OnnxTensor = {
      type: "bool",
      shape: [QUERIES, KEYS],
      values: Float64Array.from({ length: QUERIES * KEYS }, (_, at) => (at % KEYS <= Math.floor(at / KEYS) ? 1 : 0)),
    };
    const constants = { shown, hidden: floats([], [-Infinity]) };
    const score_mod = graphOfNodes([["Where", ["shown", "x", "hidden"], "y"]], constants);
    return check("score_mod", { score_mod }, { score: (s, i, j) => (j <= i ? s : -Infinity) });
  });

  test("with a prob_mod that is not linear", () => {
    const prob_mod = graphOfNodes([["Mul", ["x", "x"], "y"]]);
    return check("square", { prob_mod }, { probability: (p) => p * p });
  });

  test("with a prob_mod of both signs, and 0", () => {
    const thresholds = floats([HEADS, 1, 1], [0.1, 0.2, 0.3, 2]);
    const prob_mod = graphOfNodes([["Sub", ["x", "thresholds"], "y"]], { thresholds });
    return check("signs", { prob_mod }, { probability: (p, h) => p - thresholds.values[h]! });
  });

  test("with a prob_mod that hides keys after the softmax: the others keep their weights", () => {
    const kept = floats([KEYS], [1, 0, 1, 0, 0]);
    const prob_mod = graphOfNodes([["Mul", ["x", "kept"], "y"]], { kept });
    return check("dropped", { prob_mod }, { probability: (p, _, j) => p * kept.values[j]! });
  });

  test("with both, where a row sees nothing: its weights are 0 before prob_mod", () => {
    const bias = floats([QUERIES, 1], [0, -Infinity, 0.5]);
    const score_mod = graphOfNodes([["Add", ["x", "bias"], "y"]], { bias });
    const prob_mod = graphOfNodes([["Add", ["x", "rest"], "y"]], { rest: floats([], [0.25]) });
    const formula: Formula = { score: (s, i) => s + bias.values[i]!, probability: (p) => p + 0.25 };
    return check("nothing", { score_mod, prob_mod }, formula);
  });
});

test("ONNX FlexAttention names what is not implemented", async () => {
  const graph = graphOfNodes([["Softmax", ["x"], "y"]]);
  const attributes = { prob_mod: graph };
  const node = { operator: "FlexAttention", domain: "ai.onnx.preview", attributes, inputs: [q, k, v], outputs: [v] };
  await writeTest(folder, "unknown", node);
  expect(await runTest(join(folder, "unknown"))).toEqual({
    status: "skipped",
    detail: "prob_mod: Softmax inside a graph",
  });
});
