import type { Attention, Decoder } from "@saccade/core";
import { describe, expect, test } from "vitest";
import { cumulative, indexTopK, oracleBlocks, topKBlocks } from "../src/index.ts";
import { inputs } from "./call-inputs.ts";

const sizes = { heads: 4, kvHeads: 2, queries: 300, headDim: 16, valueDim: 8 };

describe("plans of selected attention", () => {
  test("say before a call what MoBA sees, and within a tile's width what it visits", async () => {
    const attend = topKBlocks({ blockSize: 16, topK: 3 });
    for (const at of [{}, { queryOffset: 4, keys: 320, keyLengths: [300] }]) {
      const plan = attend.plan({ ...sizes, ...at });
      const call = { ...inputs(sizes), ...at, ...("keys" in at && inputs({ ...sizes, keys: 320 })) };
      const { selected } = await attend.forward(call);
      expect(plan.visiblePairs).toBe(selected.visiblePairs);
      expect(plan.exact).toBe(true);
      expect(plan.flops).toBe(2 * (16 + 8) * selected.visiblePairs);
      expect(plan.visitedPairs).toBeGreaterThan(0.8 * selected.visitedPairs);
      expect(plan.visitedPairs).toBeLessThan(1.5 * selected.visitedPairs);
    }
  });

  test("say that it is not known where queries behind the keys may pick a block that is short", () => {
    const plan = topKBlocks({ blockSize: 16, topK: 3 }).plan({ ...sizes, queryOffset: 200, keyLengths: [100] });
    expect(plan.exact).toBe(false);
    expect(topKBlocks({ blockSize: 16, topK: 3 }).plan({ ...sizes, mask: true }).exact).toBe(false);
  });

  test("count the scores that selecting takes", () => {
    const gates = Array.from({ length: 300 }, (_, i) => Math.floor(i / 16)).reduce((sum, each) => sum + each, 0);
    expect(topKBlocks({ blockSize: 16, topK: 3 }).plan(sizes).selecting.flops).toBe(2 * 16 * 4 * gates);
    const pairs = (300 * 301) / 2;
    expect(oracleBlocks({ blockSize: 16, topK: 3 }).plan(sizes).selecting.flops).toBe(2 * 16 * 4 * pairs);
    const indexer = indexTopK({ topK: 50, indexHeads: 2, indexDim: 8 }).plan(sizes);
    expect(indexer.selecting.flops).toBe(2 * 8 * 2 * pairs);
    expect(indexer.visiblePairs).toBe(4 * (pairs - (250 * 251) / 2));
  });

  test("bound what is visible where only content decides", () => {
    const plan = cumulative({ tau: 0.5, blockSize: 16, queryBlock: 32 }).plan(sizes);
    expect(plan.visiblePairs).toBe((4 * 300 * 301) / 2);
    expect(plan.exact).toBe(false);
  });

  test("hold memory that follows the panel, not the length", () => {
    const attend = topKBlocks({ blockSize: 512, topK: 4 });
    const [short, long] = [2 ** 16, 2 ** 20].map((queries) => attend.plan({ heads: 8, queries, headDim: 64 }));
    // Means of blocks grow with the keys: 1 / 512 of them.
    const means = (4 * 8 * 64 * (2 ** 20 - 2 ** 16)) / 512;
    expect(long!.workspaceBytes - short!.workspaceBytes).toBeLessThan(1.1 * means);
    expect(long!.cacheBytes).toBe(4 * 8 * 2 ** 20 * (64 + 64 + 64 / 512));
    expect(long!.selecting.panel).toBe(16_384);
  });
});

test("selected attention is an attention like others", async () => {
  const attend: Attention = topKBlocks({ blockSize: 16, topK: 3 });
  const call = inputs({ queries: 20 });
  expect((await attend.forward(call, { lse: true })).lse.length).toBe(80);
  await using decoder: Decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, valueDim: 8, capacity: 20 });
  expect((await decoder.append(call, { partial: true })).combine).toBe("lse");
});

describe("options and inputs that cannot be used are errors", () => {
  test.each([
    [() => topKBlocks({ blockSize: 0, topK: 1 }), "topKBlocks: blockSize is 0, expected an integer in 1..2^30"],
    [() => topKBlocks({ blockSize: 8, topK: 1.5 }), "topKBlocks: topK is 1.5, expected an integer in 1..2^30"],
    [() => topKBlocks({ blockSize: 8, topK: 1, documents: [3, -1] }), "topKBlocks: documents[1] is -1"],
    [() => cumulative({ tau: 1.5 }), "cumulative: tau is 1.5, expected a number in 0..1"],
    [() => cumulative({ tau: 1, similarity: 2 }), "cumulative: similarity is 2, expected a number in -1..1"],
    [() => oracleBlocks({ blockSize: 8, topK: 0 }), "oracleBlocks: topK is 0, expected an integer in 1..2^30"],
    [() => indexTopK({ topK: 8, indexDim: 0 }), "indexTopK: indexDim is 0, expected an integer in 1..2^30"],
    [
      () => topKBlocks({ blockSize: 8, topK: 1, documents: [9] }).decoder({ heads: 1, headDim: 8, capacity: 9 }),
      "topKBlocks.decoder: a decoder holds one document, make one for each",
    ],
    [
      () => topKBlocks({ blockSize: 8, topK: 1 }).decoder({ heads: 1, headDim: 8 }),
      "topKBlocks.decoder: capacity is NaN, expected an integer of at least 0",
    ],
  ])("%#", (make, message) => {
    expect(make).toThrow(message);
  });

  test("documents that do not hold all keys", async () => {
    const attend = topKBlocks({ blockSize: 8, topK: 1, documents: [9, 10] });
    await expect(attend.forward(inputs({ queries: 20 }))).rejects.toThrow(
      "topKBlocks.forward: documents have 19 keys together, expected at least M = 20",
    );
  });

  test("learned sinks that are not one for every head", () => {
    const attend = topKBlocks({ blockSize: 8, topK: 1, learnedSinks: [1, 2] });
    expect(() => attend.forwardSync(inputs({ queries: 20 }))).toThrow(
      "topKBlocks.forwardSync: learnedSinks has 2 logits, q has H = 4",
    );
  });
});

describe("a call of selected attention", () => {
  test("that is cancelled rejects with the reason, and leaves a decoder as it was", async () => {
    const attend = topKBlocks({ blockSize: 16, topK: 3 });
    const call = inputs({ queries: 3000 });
    const reason = new Error("enough");
    const controller = new AbortController();
    const running = attend.forward(call, { signal: controller.signal });
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, valueDim: 8, capacity: 3100 });
    const own = new AbortController();
    const appended = decoder.append(call, { signal: own.signal });
    expect(() => decoder.appendSync(call)).toThrow("another append is still running");
    own.abort(reason);
    await expect(appended).rejects.toBe(reason);
    expect(decoder.length).toBe(0);
    const { out } = await decoder.append(call);
    expect(out.data).toEqual((await attend.forward(call)).out.data);
  });

  test("without queries or keys gives nothing, or rows of zeros", async () => {
    const attend = topKBlocks({ blockSize: 16, topK: 3 });
    const none = await attend.forward(inputs({ queries: 0, keys: 5 }), { lse: true, selectedMass: true });
    expect(none.lse.length).toBe(0);
    expect(none.selected).toEqual({ visiblePairs: 0, visitedPairs: 0 });
    const empty = await attend.forward(inputs({ queries: 3, keys: 0 }), { lse: true });
    expect([...empty.lse].every((lse) => lse === -Infinity)).toBe(true);
    expect([...(empty.out.data as Float32Array)].every((x) => x === 0)).toBe(true);
  });
});
