import { dense, mask, score } from "@saccade/core";
import { rope } from "@saccade/positions";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkLocal } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import {
  difference,
  expectDecodes,
  expectSame,
  expectSameBits,
  inputs,
  numRuns,
  offsets,
  widths,
} from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";

const runtimes = await availableRuntimes();

const chunks = fc.tuple(fc.integer({ min: 1, max: 90 }), fc.nat()).map(([chunk, shift]) => ({
  chunk,
  shift: shift % chunk,
}));

describe.each(runtimes)("chunkLocal on $label", ({ runtime }) => {
  test("is what explicit loops over its definition give", async () => {
    const learnedSinks = [0.5, -1, 2, 0];
    await fc.assert(
      fc.asyncProperty(
        chunks,
        widths,
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 150 }),
        offsets,
        async ({ chunk, shift }, sizes, queries, keys, queryOffset) => {
          const call = { ...inputs({ batch: 2, queries, keys, seed: queries, ...sizes }), queryOffset };
          const want = explicitAttention(call, {
            learnedSinks,
            times: ({ p, j }) =>
              j <= p && Math.floor((p + shift) / chunk) === Math.floor((j + shift) / chunk) ? 1 : 0,
          });
          await expectSame(chunkLocal({ chunk, shift, learnedSinks }), call, want, runtime);
        },
      ),
      { numRuns },
    );
  });

  test("gives the same rows from a decoder, however the tokens are split", async () => {
    await fc.assert(
      fc.asyncProperty(
        chunks,
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.constantFrom(0, 7),
        async ({ chunk, shift }, queries, ends, rewindable) => {
          const attend = chunkLocal({ chunk, shift, rotary: rope({ dim: 16 }), score: score`s - 0.01 * (q - k)` });
          await expectDecodes(attend, inputs({ queries, seed: queries }), ends, { runtime, rewindable });
        },
      ),
      { numRuns },
    );
  });

  test("of long chunks is the mask of its definition, in batches whose chunks end elsewhere too", async () => {
    const call = { ...inputs({ batch: 2, queries: 1500, keys: 1600 }), queryOffset: [0, 77] };
    const { out } = await chunkLocal({ chunk: 700, shift: 90 }).forward(call, { runtime });
    const shown = mask`k <= q && floor((q + 90) / 700) == floor((k + 90) / 700)`;
    const same = await dense({ mask: shown }).forward(call, { runtime });
    expect(difference(out.data as Float32Array, same.out.data as Float32Array)).toBeLessThan(1e-5);
  });

  test("as long as the sequence is causal attention", async () => {
    const call = inputs({ queries: 700 });
    const [chunk, causal] = await Promise.all([
      chunkLocal({ chunk: 700 }).forward(call, { runtime }),
      dense({ causal: true }).forward(call, { runtime }),
    ]);
    expect(difference(chunk.out.data as Float32Array, causal.out.data as Float32Array)).toBeLessThan(1e-6);
  });

  test("has the same bits at one thread and two", async () => {
    await expectSameBits(chunkLocal({ chunk: 900 }), inputs({ queries: 2500, headDim: 32 }), runtime);
  });
});

test("turns queries before the text by nothing: they see no key", () => {
  const call = { ...inputs({ queries: 5 }), queryOffset: -3 };
  const { out, lse } = chunkLocal({ chunk: 4, rotary: rope({ dim: 16 }) }).forwardSync(call, { lse: true });
  expect([...(out.data as Float32Array).subarray(0, 3 * 8)].every((x) => x === 0)).toBe(true);
  expect([...lse.subarray(0, 4)]).toEqual([-Infinity, -Infinity, -Infinity, expect.any(Number)]);
});

test("visits little more than it shows where chunks are long", () => {
  const plan = chunkLocal({ chunk: 8192 }).plan({ heads: 8, queries: 65_536, headDim: 64 });
  expect(plan.visiblePairs).toBe((8 * 8 * 8192 * 8193) / 2);
  expect(plan.visitedPairs / plan.visiblePairs).toBeLessThan(1.08);
  expect(plan.cacheBytes).toBe(8192 * 8 * 128 * 4);
});

test.each([
  [{ chunk: 0 }, "chunkLocal: chunk is 0, expected an integer in 1..2^30"],
  [{ chunk: 1.5 }, "chunkLocal: chunk is 1.5"],
  [{ chunk: 8, shift: 8 }, "chunkLocal: shift is 8, expected an integer in 0..C - 1 = 7"],
  [{ chunk: 8, shift: -1 }, "chunkLocal: shift is -1"],
  [{ chunk: 8, softcap: -1 }, "chunkLocal: softcap is -1"],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => chunkLocal(given)).toThrow(message);
});
