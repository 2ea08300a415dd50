import { biasTensor, dense, maskTensor, merge } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dilatedSegments } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import {
  difference,
  expectDecodes,
  expectSame,
  expectSameBits,
  inputs,
  numRuns,
  offsets,
  rowsOf,
  tokens,
  widths,
} from "./call-inputs.ts";
import { explicitLongNet } from "./explicit-longnet.ts";
import { normal } from "./normal.ts";

const runtimes = await availableRuntimes();

const branches = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 70 }), fc.constantFrom(1, 1, 2, 3, 4, 6)), { minLength: 1, maxLength: 4 })
  .map((pairs) => ({ segments: pairs.map(([segment]) => segment), dilations: pairs.map(([, dilation]) => dilation) }));

describe.each(runtimes)("dilatedSegments on $label", ({ runtime }) => {
  test("is what explicit loops over its branches give", async () => {
    await fc.assert(
      fc.asyncProperty(
        branches,
        widths,
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 150 }),
        offsets,
        fc.option(fc.constant([0.5, -1, 2, 0]), { nil: undefined }),
        async (given, sizes, queries, keys, queryOffset, learnedSinks) => {
          const call = { ...inputs({ batch: 2, queries, keys, seed: queries, ...sizes }), queryOffset };
          const want = explicitLongNet(call, given, learnedSinks);
          await expectSame(dilatedSegments({ ...given, learnedSinks }), call, want, runtime);
        },
      ),
      { numRuns },
    );
  });

  test("gives the same rows from a decoder, however the tokens are split", async () => {
    await fc.assert(
      fc.asyncProperty(
        branches,
        fc.integer({ min: 1, max: 150 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.constantFrom(0, 5),
        async (given, queries, ends, rewindable) => {
          const attend = dilatedSegments({ ...given, learnedSinks: [0, 1, -1, 2] });
          await expectDecodes(attend, inputs({ queries, seed: queries }), ends, { runtime, rewindable });
        },
      ),
      { numRuns },
    );
  });

  test("of one segment without dilation is causal attention", async () => {
    const call = inputs({ queries: 300 });
    const [one, causal] = await Promise.all([
      dilatedSegments({ segments: [300], dilations: [1] }).forward(call, { runtime }),
      dense({ causal: true }).forward(call, { runtime }),
    ]);
    expect(difference(one.out.data as Float32Array, causal.out.data as Float32Array)).toBeLessThan(1e-6);
  });

  test("over segments of many blocks is what explicit loops give, with bias and mask too", async () => {
    const given = { segments: [256, 640], dilations: [1, 3] };
    const call = inputs({ heads: 2, kvHeads: 1, queries: 900 });
    await expectSame(dilatedSegments(given), call, explicitLongNet(call, given, undefined), runtime);
    const bias = biasTensor(normal(900, 5), { shape: [1, 1, 1, 900] });
    const { out } = await dilatedSegments(given).forward({ ...call, bias }, { runtime });
    const exact = dilatedSegments(given).reference({ ...call, bias }).out;
    expect(difference(out.data as Float32Array, exact)).toBeLessThan(1e-5);
  });

  test("in parts over disjoint keys joins to the whole: a key counts as often in both", async () => {
    const attend = dilatedSegments({ segments: [16, 48], dilations: [1, 2], learnedSinks: [0, 1, -1, 2] });
    const call = inputs({ queries: 120 });
    const half = (odd: number) =>
      maskTensor(
        Uint8Array.from({ length: 120 }, (_, key) => (key % 2 === odd ? 1 : 0)),
        { shape: [1, 1, 1, 120] },
      );
    const parts = await Promise.all(
      [0, 1].map((odd) => attend.forward({ ...call, mask: half(odd) }, { runtime, partial: true })),
    );
    const { out, lse } = merge(parts, { learnedSinks: [0, 1, -1, 2] });
    const want = attend.reference(call);
    expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
    expect(difference(lse, want.lse)).toBeLessThan(1e-5);
  });

  test("takes back tokens, and goes on as if they had never been", async () => {
    const attend = dilatedSegments({ segments: [12, 36], dilations: [1, 3] });
    const all = inputs({ queries: 100 });
    const want = attend.reference(all).out;
    const sizes = { heads: 4, kvHeads: 2, headDim: 16, valueDim: 8 };
    await using decoder = attend.decoder({ ...sizes, runtime, rewindable: 5 });
    await decoder.append(tokens(all, 0, 50));
    for (let at = 50; at < 100; at++) {
      const before = decoder.checkpoint();
      const guess = Math.min(100 - at, 1 + (at % 5));
      decoder.appendSync(tokens(inputs({ queries: 100, seed: at }), at, at + guess));
      if (at % 2 === 0) decoder.rewind(guess);
      else decoder.restore(before);
      const { out } = decoder.appendSync(tokens(all, at, at + 1));
      expect(difference(out.data as Float32Array, rowsOf(want, [at, at + 1], 100, 8))).toBeLessThan(1e-5);
    }
    expect(() => decoder.rewind(6)).toThrow("dilatedSegments.decoder.rewind: asked for 6 tokens");
  });

  test("has the same bits at one thread and two", async () => {
    const attend = dilatedSegments({ segments: [512, 2048], dilations: [1, 4] });
    await expectSameBits(attend, inputs({ queries: 2500 }), runtime);
  });

  test("gives the same bits at once and in turns", async () => {
    const attend = dilatedSegments({ segments: [64, 256], dilations: [1, 2] });
    const call = inputs({ queries: 600 });
    const turns = await attend.forward(call, { runtime });
    expect(attend.forwardSync(call, { runtime }).out.data).toEqual(turns.out.data);
  });
});

test("costs the pairs of its branches", () => {
  // Segments of 6 with every second token: three rows that see 1, 2 and 3 keys, in every segment.
  const plan = dilatedSegments({ segments: [6], dilations: [2] }).plan({ heads: 2, queries: 12, headDim: 4 });
  expect(plan.visiblePairs).toBe(2 * 2 * 6);
  const both = dilatedSegments({ segments: [6, 6], dilations: [2, 2] }).plan({ heads: 2, queries: 12, headDim: 4 });
  expect(both.visiblePairs).toBe(2 * plan.visiblePairs);
  expect(both.cacheBytes).toBe(2 * plan.cacheBytes);
});

test("a decoder keeps its segments, whatever the length", async () => {
  const attend = dilatedSegments({ segments: [16, 64], dilations: [1, 4] });
  await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, valueDim: 8 });
  expect(decoder.cacheBytes).toBe((16 + 64) * 2 * 24 * 4);
  await decoder.append(inputs({ queries: 1000 }));
  expect(decoder.length).toBe(1000);
  expect(() => decoder.restore({ length: 5 })).toThrow("the checkpoint is not one of this decoder");
});

test.each([
  [{ segments: [], dilations: [] }, "dilatedSegments: segments is a Array, expected a list of lengths"],
  [{ segments: [4, 8], dilations: [1] }, "dilatedSegments: dilations has 1 numbers, expected as many as segments, 2"],
  [{ segments: [4, 0], dilations: [1, 1] }, "dilatedSegments: segments[1] is 0"],
  [{ segments: [4], dilations: [0.5] }, "dilatedSegments: dilations[0] is 0.5"],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => dilatedSegments(given)).toThrow(message);
});

test("what does not fit is refused by name", () => {
  const attend = dilatedSegments({ segments: [4], dilations: [1], learnedSinks: [1] });
  expect(() => attend.forwardSync(inputs({ queries: 4 }))).toThrow(
    "dilatedSegments.forwardSync: learnedSinks has 1 logits, q has H = 4",
  );
});

test("plans a million tokens in short segments", () => {
  const attend = dilatedSegments({ segments: [16, 64], dilations: [4, 1] });
  const plan = attend.plan({ heads: 4, queries: 2 ** 20, headDim: 16 });
  expect(plan.visiblePairs).toBe(2 ** 20 * (4 * 32.5 + 2.5));
});
