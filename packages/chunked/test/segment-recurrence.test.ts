import { maskTensor, tensor, type AttentionInputs } from "@saccade/core";
import { relativeBias as distanceBias } from "@saccade/positions";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkLocal, segmentRecurrence, type RelativeBias } from "../src/index.ts";
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
import { explicitTransformerXl } from "./explicit-transformer-xl.ts";
import { normal } from "./normal.ts";

const runtimes = await availableRuntimes();

const reaches = fc.record({ segment: fc.integer({ min: 1, max: 50 }), memory: fc.integer({ min: 0, max: 70 }) });

function relative(heads: number, distances: number, width: number): RelativeBias {
  return {
    keys: normal(heads * distances * width, 71),
    contentBias: normal(heads * width, 72),
    positionBias: normal(heads * width, 73),
  };
}

/** The terms as the explicit loops call them. */
function termsOf({ keys, contentBias, positionBias }: RelativeBias) {
  return { r: keys, u: contentBias, v: positionBias };
}

describe.each(runtimes)("segmentRecurrence on $label", ({ runtime }) => {
  test("is what explicit loops over its definition give", async () => {
    await fc.assert(
      fc.asyncProperty(
        reaches,
        widths,
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 150 }),
        offsets,
        async (given, sizes, queries, keys, queryOffset) => {
          const call = { ...inputs({ batch: 2, queries, keys, seed: queries, ...sizes }), queryOffset };
          const learnedSinks = [0.5, -1, 2, 0];
          const want = explicitTransformerXl(call, { ...given, learnedSinks });
          await expectSame(segmentRecurrence({ ...given, learnedSinks }), call, want, runtime);
        },
      ),
      { numRuns },
    );
  });

  test("with a relative bias has the scores of the paper", async () => {
    await fc.assert(
      fc.asyncProperty(
        reaches,
        widths,
        fc.integer({ min: 1, max: 90 }),
        fc.integer({ min: 1, max: 120 }),
        offsets,
        fc.option(fc.constant([0.5, -1, 2, 0]), { nil: undefined }),
        async (given, sizes, queries, keys, queryOffset, learnedSinks) => {
          const call = { ...inputs({ batch: 2, queries, keys, seed: queries, ...sizes }), queryOffset };
          const relativeBias = relative(4, given.segment + given.memory, sizes.headDim!);
          const want = explicitTransformerXl(call, { ...given, learnedSinks, terms: termsOf(relativeBias) });
          await expectSame(segmentRecurrence({ ...given, relativeBias, learnedSinks }), call, want, runtime);
        },
      ),
      { numRuns },
    );
  });

  test("gives the same rows from a decoder, however the tokens are split", async () => {
    await fc.assert(
      fc.asyncProperty(
        reaches,
        fc.boolean(),
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.constantFrom(0, 7),
        fc.constantFrom(undefined, 200),
        async ({ segment, memory }, full, queries, ends, rewindable, capacity) => {
          const relativeBias = full ? relative(4, segment + memory, 16) : undefined;
          const attend = segmentRecurrence({ segment, memory, relativeBias, learnedSinks: [0, 1, -1, 2] });
          await expectDecodes(attend, inputs({ queries, seed: queries }), ends, { runtime, rewindable, capacity });
        },
      ),
      { numRuns },
    );
  });

  test("takes back tokens, and goes on as if they had never been", async () => {
    const attend = segmentRecurrence({ segment: 8, memory: 5, relativeBias: relative(4, 13, 16) });
    const all = inputs({ queries: 120 });
    const want = attend.reference(all).out;
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, valueDim: 8, runtime, rewindable: 5 });
    await decoder.append(tokens(all, 0, 50));
    for (let at = 50; at < 120; at++) {
      const before = decoder.checkpoint();
      const guess = Math.min(120 - at, 1 + (at % 5));
      decoder.appendSync(tokens(inputs({ queries: 120, seed: at }), at, at + guess));
      if (at % 2 === 0) decoder.rewind(guess);
      else decoder.restore(before);
      const { out } = decoder.appendSync(tokens(all, at, at + 1));
      expect(difference(out.data as Float32Array, rowsOf(want, [at, at + 1], 120, 8))).toBeLessThan(1e-5);
    }
    expect(() => decoder.rewind(6)).toThrow("segmentRecurrence.decoder.rewind: asked for 6 tokens");
  });

  test("a cancelled append leaves the decoder as it was", async () => {
    const attend = segmentRecurrence({ segment: 8, memory: 5, relativeBias: relative(4, 13, 16) });
    const all = inputs({ queries: 90 });
    const want = attend.reference(all).out;
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, valueDim: 8, runtime });
    await decoder.append(tokens(all, 0, 20));
    const controller = new AbortController();
    const long = decoder.append(tokens(inputs({ queries: 90, seed: 3 }), 20, 90), { signal: controller.signal });
    controller.abort(new Error("enough"));
    await expect(long).rejects.toThrow("enough");
    expect(decoder.length).toBe(20);
    const { out } = await decoder.append(tokens(all, 20, 90));
    expect(difference(out.data as Float32Array, rowsOf(want, [20, 90], 90, 8))).toBeLessThan(1e-5);
  });

  test("takes a learned bias by distance as a score", async () => {
    const [segment, memory] = [16, 24];
    const distances = segment + memory;
    const byDistance = normal(4 * distances, 9);
    // Keys are never ahead: the half of the table for those stays 0.
    const table = new Float32Array(4 * (2 * distances - 1));
    for (let h = 0; h < 4; h++) {
      for (let d = 0; d < distances; d++) {
        table[h * (2 * distances - 1) + distances - 1 - d] = byDistance[h * distances + d]!;
      }
    }
    const call = inputs({ queries: 130 });
    const attend = segmentRecurrence({ segment, memory, score: distanceBias(table, 4) });
    // The position term of the paper with r = (bias, 0, ...) and v = (1, 0, ...), its others 0.
    const r = Float32Array.from({ length: 4 * distances * 16 }, (_, i) => (i % 16 === 0 ? byDistance[i / 16]! * 4 : 0));
    const v = Float32Array.from({ length: 64 }, (_, i) => (i % 16 === 0 ? 1 : 0));
    const only = tensor(
      Float32Array.from({ length: call.q.data.length }, (_, i) =>
        i % 16 === 0 ? 0 : (call.q.data as Float32Array)[i]!,
      ),
      { shape: [1, 4, 130, 16] },
    );
    const same: AttentionInputs = { ...call, q: only };
    const want = explicitTransformerXl(same, { segment, memory, terms: { r, u: new Float32Array(64), v } });
    const got = await attend.forward(same, { runtime });
    expect(difference(got.out.data as Float32Array, want.out)).toBeLessThan(1e-5);
  });

  test("without memory is chunk-local attention", async () => {
    const call = inputs({ queries: 700 });
    const [none, local] = await Promise.all([
      segmentRecurrence({ segment: 300, memory: 0 }).forward(call, { runtime }),
      chunkLocal({ chunk: 300 }).forward(call, { runtime }),
    ]);
    expect(none.out.data).toEqual(local.out.data);
  });

  test("writes where it is told, in either layout, and takes key lengths", async () => {
    const attend = segmentRecurrence({ segment: 16, memory: 20, relativeBias: relative(4, 36, 16) });
    const call = { ...inputs({ batch: 2, queries: 60, keys: 80 }), keyLengths: [70, 0], queryOffset: [20, -5] };
    const out = tensor(new Float32Array(2 * 60 * 4 * 8).fill(7), { shape: [2, 60, 4, 8], layout: "bnhd" });
    const result = await attend.forward(call, { runtime, out, lse: true });
    const want = attend.reference(call);
    const got = Array.from({ length: 2 * 4 * 60 * 8 }, (_, at) => {
      const [b, h, i, e] = [Math.floor(at / 1920), Math.floor(at / 480) % 4, Math.floor(at / 8) % 60, at % 8];
      return (out.data as Float32Array)[((b * 60 + i) * 4 + h) * 8 + e]!;
    });
    expect(result.out).toBe(out);
    expect(difference(got, want.out)).toBeLessThan(1e-5);
    expect(difference(result.lse, want.lse)).toBeLessThan(1e-5);
  });

  test("has the same bits at one thread and two, at once and in turns", async () => {
    await expectSameBits(segmentRecurrence({ segment: 512, memory: 700 }), inputs({ queries: 2500 }), runtime);
    const attend = segmentRecurrence({ segment: 128, memory: 128, relativeBias: relative(4, 256, 16) });
    const call = inputs({ queries: 600 });
    await expectSameBits(attend, call, runtime);
    const turns = await attend.forward(call, { runtime });
    expect(attend.forwardSync(call, { runtime }).out.data).toEqual(turns.out.data);
  });
});

test("a plan counts the products with distances, and a decoder's cache is as planned", () => {
  const shape = { heads: 4, kvHeads: 2, queries: 1000, headDim: 16, valueDim: 8 };
  const relativeBias = relative(4, 48, 16);
  const planWith = (bias: RelativeBias | undefined) =>
    segmentRecurrence({ segment: 16, memory: 32, relativeBias: bias }).plan(shape);
  const [plain, full] = [planWith(undefined), planWith(relativeBias)];
  expect(full.visiblePairs).toBe(plain.visiblePairs);
  expect(full.flops).toBe(plain.flops + 2 * 16 * plain.visiblePairs);
  const decoder = segmentRecurrence({ segment: 16, memory: 32, relativeBias }).decoder({ ...shape, rewindable: 0 });
  expect(decoder.cacheBytes).toBe(full.cacheBytes);
  expect(full.cacheBytes).toBe(2 * 48 * 2 * 24 * 4);
  expect(plain.cacheBytes).toBe(48 * 2 * 24 * 4);
});

test.each([
  [{ segment: 0, memory: 0 }, "segmentRecurrence: segment is 0"],
  [{ segment: 4, memory: -1 }, "segmentRecurrence: memory is -1"],
  [
    { segment: 4, memory: 4, softcap: 2, relativeBias: relative(1, 8, 4) },
    "segmentRecurrence: softcap does not go with",
  ],
  [{ segment: 4, memory: 4, relativeBias: {} as RelativeBias }, "segmentRecurrence: relativeBias.keys is undefined"],
])("options that make no sense are refused: %#", (given, message) => {
  expect(() => segmentRecurrence(given)).toThrow(message);
});

test("what does not fit is refused by name", async () => {
  const attend = segmentRecurrence({ segment: 4, memory: 4, relativeBias: relative(4, 8, 16) });
  const call = inputs({ queries: 6 });
  const mask = maskTensor(new Uint8Array(6).fill(1), { shape: [1, 1, 1, 6] });
  expect(() => attend.forwardSync({ ...call, mask })).toThrow(
    "segmentRecurrence.forwardSync: a mask does not go with relativeBias",
  );
  expect(() => attend.forwardSync({ ...call, k: tokens(call, 0, 5).k })).toThrow(
    "segmentRecurrence.forwardSync: v has M = 6 keys, k has M = 5",
  );
  expect(() => attend.forwardSync(inputs({ queries: 6, headDim: 8 }))).toThrow(
    "segmentRecurrence: relativeBias.keys has 512 numbers, expected H (segment + memory) D = 256",
  );
  const sizes = { heads: 4, kvHeads: 2, headDim: 16, valueDim: 8 };
  expect(() => attend.decoder({ ...sizes, dtype: "f16" })).toThrow('segmentRecurrence.decoder: dtype is "f16"');
  await using decoder = attend.decoder({ ...sizes, capacity: 5 });
  expect(() => decoder.appendSync(call)).toThrow("cache full: capacity 5, asked for 6");
  expect(() => decoder.appendSync(inputs({ queries: 3, heads: 2 }))).toThrow(
    "segmentRecurrence.decoder.appendSync: q has batch, heads, tokens and width [1, 2, 3, 16], expected [1, 4, 3, 16]",
  );
});
