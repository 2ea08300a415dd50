import { dense, tensor } from "@saccade/core";
import { describe, expect, test } from "vitest";
import { indexTopK, topKBlocks } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { mean, needles, predictedRate, retrieved } from "./needles.ts";

const runtimes = await availableRuntimes();
const keys = 65_536;

describe.each(runtimes)("needles at every depth of 65536 keys on $label", ({ runtime }) => {
  test("are retrieved by dense attention, and by the indexer one key at a time", async () => {
    const text = needles({ heads: 1, queries: 40, keys, span: 1, within: 512, seed: 1 });
    const { q, k } = text;
    const indexWeights = tensor(new Float32Array(40).fill(1), { shape: [1, 1, 40, 1] });
    const found = await dense({ causal: true }).forward(text, { runtime });
    expect(Math.min(...retrieved(text, found.out))).toBeGreaterThanOrEqual(0.95);
    const { out, selected } = await indexTopK({ topK: 2048, indexDim: 64 }).forward(
      { ...text, indexQueries: q, indexKeys: k, indexWeights },
      { runtime },
    );
    expect(Math.min(...retrieved(text, out))).toBeGreaterThanOrEqual(0.95);
    expect(selected.visiblePairs).toBe(40 * 2048);
  });

  test.each([
    { blockSize: 512, topK: 4, span: 8 },
    { blockSize: 64, topK: 32, span: 4 },
  ])("of $span keys are retrieved by MoBA with blocks of $blockSize", async ({ blockSize, topK, span }) => {
    const text = needles({ heads: 1, queries: 60, keys, span, within: blockSize, seed: 2 });
    const { out } = await topKBlocks({ blockSize, topK }).forward(text, { runtime });
    expect(Math.min(...retrieved(text, out))).toBeGreaterThanOrEqual(0.95);
  });

  test("of one key are retrieved by MoBA at the rate that the pooled mean predicts", async () => {
    // All queries stand in the last block: 3 are picked of the 127 before it.
    const text = needles({ heads: 2, queries: 512, keys, span: 1, within: 512, seed: 3 });
    const { out } = await topKBlocks({ blockSize: 512, topK: 4 }).forward(text, { runtime });
    const [measured, predicted] = [mean(retrieved(text, out)), predictedRate(512, 3, 126)];
    console.log(
      `MoBA finds ${(100 * measured).toFixed(1)}% of single keys, predicted ${(100 * predicted).toFixed(1)}%`,
    );
    expect(Math.abs(measured - predicted)).toBeLessThan(0.05);
    // In a short text the rate is far from 0 and 1.
    const short = needles({ heads: 2, queries: 64, keys: 1024, span: 1, within: 64, seed: 4 });
    const few = await topKBlocks({ blockSize: 64, topK: 4 }).forward(short, { runtime });
    const chance = predictedRate(64, 3, 14);
    expect(chance).toBeGreaterThan(0.2);
    expect(chance).toBeLessThan(0.9);
    expect(Math.abs(mean(retrieved(short, few.out)) - chance)).toBeLessThan(0.1);
  });
});
