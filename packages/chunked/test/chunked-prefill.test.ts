import { biasTensor, dense, maskTensor, tensor, type Attention } from "@saccade/core";
import { rope } from "@saccade/positions";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkedPrefill, chunkLocal, dualChunk } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { difference, inputs, numRuns, rowsOf, tokens } from "./call-inputs.ts";
import { normal } from "./normal.ts";

const runtimes = await availableRuntimes();
const variants: Attention[] = [
  dense({ causal: true, learnedSinks: [0.5, -1, 2, 0] }),
  chunkLocal({ chunk: 30 }),
  dualChunk({ chunk: 30, local: 8, rotary: rope({ dim: 16 }) }),
];

describe.each(runtimes)("chunkedPrefill on $label", ({ runtime }) => {
  test("gives the rows of one call, and a decoder that goes on", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...variants),
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 1, max: 120 }),
        async (attend, length, chunk) => {
          const all = inputs({ queries: length + 1, seed: length });
          const want = attend.reference(all);
          const prompt = tokens(all, 0, length);
          const done: number[] = [];
          const { out, lse, decoder } = await chunkedPrefill(attend, { chunk }).run(prompt, {
            capacity: length + 1,
            lse: true,
            runtime,
            onProgress: (tokensDone, total) => done.push(tokensDone, total),
          });
          expect(difference(out.data as Float32Array, rowsOf(want.out, [0, length], length + 1, 8))).toBeLessThan(1e-5);
          expect(difference(lse!, rowsOf(want.lse, [0, length], length + 1, 1))).toBeLessThan(1e-5);
          expect(done.length).toBe(2 * Math.ceil(length / chunk));
          expect(done.slice(-2)).toEqual([length, length]);
          const step = decoder.appendSync(tokens(all, length, length + 1)).out;
          const last = rowsOf(want.out, [length, length + 1], length + 1, 8);
          expect(difference(step.data as Float32Array, last)).toBeLessThan(1e-5);
          await decoder[Symbol.asyncDispose]();
        },
      ),
      { numRuns },
    );
  });

  test("goes on with a decoder, takes bias and mask over all keys, and writes where it is told", async () => {
    const attend = dense({ causal: true });
    const all = inputs({ queries: 50 });
    const bias = biasTensor(normal(4 * 50 * 50, 9), { shape: [1, 4, 50, 50] });
    const mask = maskTensor(
      Uint8Array.from({ length: 50 }, (_, key) => (key % 7 === 3 ? 0 : 1)),
      { shape: [1, 1, 1, 50] },
    );
    const want = attend.reference({ ...all, bias, mask }).out;
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, valueDim: 8, capacity: 50, runtime });
    const prefill = chunkedPrefill(attend, { chunk: 7 });
    const cut = (from: number, to: number) => ({
      ...tokens(all, from, to),
      bias: { ...bias, offset: from * 50, shape: [1, 4, to - from, to] as const },
      mask: { ...mask, shape: [1, 1, 1, to] as const },
    });
    await prefill.run(cut(0, 20), { decoder });
    const out = tensor(new Float32Array(30 * 4 * 8), { shape: [1, 30, 4, 8], layout: "bnhd" });
    const result = await prefill.run(cut(20, 50), { decoder, out });
    expect(result.out).toBe(out);
    expect(result.decoder).toBe(decoder);
    const rows = rowsOf(want, [20, 50], 50, 8);
    const got = rows.map((_, at) => {
      const [h, i, e] = [Math.floor(at / 240), Math.floor(at / 8) % 30, at % 8];
      return (out.data as Float32Array)[(i * 4 + h) * 8 + e]!;
    });
    expect(difference(got, rows)).toBeLessThan(1e-5);
  });

  test("stops when it is told to, and leaves a decoder that was given at the pieces that were done", async () => {
    const attend = dense({ causal: true });
    const all = inputs({ queries: 50 });
    const prefill = chunkedPrefill(attend, { chunk: 10 });
    const stop = (): { signal: AbortSignal; onProgress: (done: number) => void } => {
      const controller = new AbortController();
      return { signal: controller.signal, onProgress: (done) => done === 20 && controller.abort(new Error("enough")) };
    };
    await expect(prefill.run(all, { runtime, ...stop() })).rejects.toThrow("enough");
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, valueDim: 8, capacity: 50, runtime });
    await expect(prefill.run(all, { decoder, ...stop() })).rejects.toThrow("enough");
    expect(decoder.length).toBe(20);
  });
});

test("a variant that is not causal is refused", async () => {
  await expect(chunkedPrefill(dense(), { chunk: 4 }).run(inputs({ queries: 10 }))).rejects.toThrow(
    "chunkedPrefill.run: dense shows keys after the query, so that pieces would not give what one call does",
  );
});

test("a variant whose rows depend on later queries is refused", () => {
  const pooled: Attention = { ...dense(), name: "pooled", selection: "query-block" };
  expect(() => chunkedPrefill(pooled, { chunk: 4 })).toThrow('chunkedPrefill: pooled selects by "query-block"');
});

test("what does not fit is refused by name", async () => {
  const prefill = chunkedPrefill(dense({ causal: true }), { chunk: 4 });
  const all = inputs({ queries: 10 });
  await expect(prefill.run({ ...all, k: tokens(all, 0, 9).k })).rejects.toThrow(
    "chunkedPrefill.run: k has 9 tokens, q has N = 10",
  );
  await expect(prefill.run(all, { capacity: 9 })).rejects.toThrow("cache full: capacity 9, asked for 10");
  expect(() => chunkedPrefill(dense({ causal: true }), { chunk: 0 })).toThrow("chunkedPrefill: chunk is 0");
});
