import {
  dense,
  mask,
  openRuntime,
  score,
  tensor,
  type AttentionInputs,
  type Runtime,
  type Tensor,
} from "@saccade/core";
import { rope } from "@saccade/positions";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { slidingWindow, type SlidingWindowOptions } from "../src/index.ts";
import { explicitWindow } from "./explicit-window.ts";
import { normal } from "./normal.ts";

const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 500 : 60;

const runtimes: { readonly label: string; readonly runtime: Runtime }[] = [];
for (const name of ["native", "wasm"] as const) {
  try {
    runtimes.push({ label: name, runtime: await openRuntime(name, { threads: 2 }) });
  } catch (error) {
    console.warn(`not run: ${name}: ${String(error)}`);
  }
}
afterAll(() => Promise.all(runtimes.map(({ runtime }) => runtime[Symbol.asyncDispose]())));

interface Sizes {
  readonly batch?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly queries: number;
  readonly keys?: number;
  readonly headDim?: number;
  readonly valueDim?: number;
  readonly seed?: number;
}

function inputs({ batch = 1, heads = 4, kvHeads = 2, queries, keys = queries, headDim = 16, ...rest }: Sizes) {
  const { valueDim = headDim, seed = 1 } = rest;
  const view = (count: number, length: number, width: number, salt: number): Tensor =>
    tensor(normal(batch * count * length * width, 10 * seed + salt), { shape: [batch, count, length, width] });
  const q = view(heads, queries, headDim, 1);
  return { q, k: view(kvHeads, keys, headDim, 2), v: view(kvHeads, keys, valueDim, 3) };
}

/** The largest difference between f32 results and float64 ones; equal infinities do not differ. */
function difference(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let most = got.length === want.length ? 0 : Infinity;
  for (let i = 0; i < want.length; i++) {
    if (got[i] === want[i]) continue;
    const off = Math.abs(got[i]! - want[i]!);
    most = Number.isNaN(off) ? Infinity : Math.max(most, off);
  }
  return most;
}

const options: fc.Arbitrary<SlidingWindowOptions> = fc.record({
  window: fc.integer({ min: 1, max: 90 }),
  causal: fc.boolean(),
  sinks: fc.constantFrom(0, 0, 1, 4, 33),
  dilation: fc.constantFrom(1, 1, 2, 3, 8),
  learnedSinks: fc.option(fc.constant([0.5, -1, 2, 0]), { nil: undefined }),
  perHeadWindow: fc.option(fc.constantFrom([3, 70, 9, 1], [5, 5, 64, 64]), { nil: undefined }),
  softcap: fc.constantFrom(undefined, 4),
});

const offsets = (batch: number): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: -30, max: 60 }), { minLength: batch, maxLength: batch });

describe.each(runtimes)("a sliding window on $label", ({ runtime }) => {
  test("is what explicit loops over its definition give", async () => {
    await fc.assert(
      fc.asyncProperty(
        options,
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 150 }),
        fc.option(offsets(2), { nil: undefined }),
        async (given, queries, keys, queryOffset) => {
          const call: AttentionInputs = { ...inputs({ batch: 2, queries, keys, seed: queries }), queryOffset };
          const attend = slidingWindow(given);
          const { out, lse } = await attend.forward(call, { runtime, lse: true });
          const want = explicitWindow(given, call);
          expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
          expect(difference(lse, want.lse)).toBeLessThan(1e-5);
          const exact = attend.reference(call);
          expect(difference(exact.out, want.out)).toBeLessThan(1e-12);
        },
      ),
      { numRuns },
    );
  });

  test("gives the same rows from a decoder, however the tokens are split", async () => {
    await fc.assert(
      fc.asyncProperty(
        options,
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.constantFrom(0, 3, 40),
        async (given, length, seeds, rewindable) => {
          const attend = slidingWindow({ ...given, causal: true });
          const all = inputs({ queries: length, seed: length });
          const want = attend.reference(all).out;
          const ends = [...seeds.map((seed) => seed % (length + 1)), length].sort((a, b) => a - b);
          await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, runtime, rewindable });
          let from = 0;
          for (const to of ends) {
            const part = tokens(all, from, to);
            const { out } = to % 2 === 0 ? await decoder.append(part) : decoder.appendSync(part);
            expect(difference(out.data as Float32Array, rowsOf(want, from, to, length))).toBeLessThan(1e-5);
            from = to;
          }
        },
      ),
      { numRuns },
    );
  });

  test("takes back tokens, and goes on as if they had never been", async () => {
    const attend = slidingWindow({ window: 12, sinks: 3 });
    const all = inputs({ queries: 300 });
    const want = attend.reference(all).out;
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, runtime, rewindable: 5 });
    await decoder.append(tokens(all, 0, 90));
    for (let at = 90; at < 300;) {
      const guess = Math.min(300 - at, 1 + (at % 5));
      decoder.appendSync(tokens(inputs({ queries: 300, seed: at }), at, at + guess));
      decoder.rewind(guess);
      const { out } = decoder.appendSync(tokens(all, at, at + 1));
      expect(difference(out.data as Float32Array, rowsOf(want, at, at + 1, 300))).toBeLessThan(1e-5);
      at++;
    }
    expect(() => decoder.rewind(6)).toThrow(
      "slidingWindow.decoder.rewind: asked for 6 tokens, expected an integer in 0..5",
    );
  });

  test("with positions in the cache is StreamingLLM, token by token", async () => {
    const [window, sinks, length] = [20, 4, 150];
    const rotary = rope({ dim: 16 });
    const attend = slidingWindow({ window, sinks, rotary, positions: "cache" });
    const all = inputs({ queries: length });
    const exact = attend.reference(all);
    // A cache as StreamingLLM has it: unturned keys, turned anew at every step by their places in it.
    for (const t of [0, 3, 10, 23, 24, 60, length - 1]) {
      const kept = Array.from({ length: t + 1 }, (_, j) => j).filter((j) => j < sinks || t - j < window);
      const row = streamingRow(all, kept, t, rotary);
      expect(difference(rowsOf(exact.out, t, t + 1, length), row)).toBeLessThan(1e-6);
    }
    const { out } = await attend.forward(all, { runtime });
    expect(difference(out.data as Float32Array, exact.out)).toBeLessThan(1e-5);
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, runtime });
    for (const [from, to] of [
      [0, 70],
      [70, 71],
      [71, 72],
      [72, length],
    ] as const) {
      const { out: rows } = await decoder.append(tokens(all, from, to));
      expect(difference(rows.data as Float32Array, rowsOf(exact.out, from, to, length))).toBeLessThan(1e-5);
    }
  });

  test("as long as the sequence is causal attention", async () => {
    const call = inputs({ queries: 300 });
    const [windowed, causal] = await Promise.all([
      slidingWindow({ window: 300 }).forward(call, { runtime }),
      dense({ causal: true }).forward(call, { runtime }),
    ]);
    expect(difference(windowed.out.data as Float32Array, causal.out.data as Float32Array)).toBeLessThan(1e-6);
  });

  test("is the mask of its definition", async () => {
    const call = inputs({ queries: 700 });
    const { out } = await slidingWindow({ window: 50, sinks: 2, dilation: 3 }).forward(call, { runtime });
    const shown = mask`k <= q && (q - k < 150 && (q - k) % 3 == 0 || k < 2)`;
    const same = await dense({ mask: shown }).forward(call, { runtime });
    expect(difference(out.data as Float32Array, same.out.data as Float32Array)).toBeLessThan(1e-5);
  });

  test("takes a score over true positions, in a decoder too", async () => {
    const attend = slidingWindow({ window: 30, sinks: 2, score: score`s - 0.02 * (q - k)` });
    const all = inputs({ queries: 100 });
    const want = attend.reference(all).out;
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, runtime });
    for (let at = 0; at < 100; at += 5) {
      const { out } = await decoder.append(tokens(all, at, at + 5));
      expect(difference(out.data as Float32Array, rowsOf(want, at, at + 5, 100))).toBeLessThan(1e-5);
    }
  });

  test("has the same bits at one thread and two", async () => {
    const call = inputs({ queries: 2500, headDim: 32 });
    const attend = slidingWindow({ window: 300, sinks: 4 });
    const one = await attend.forward(call, { runtime, threads: 1 });
    const two = await attend.forward(call, { runtime, threads: 2 });
    expect(
      Buffer.from((one.out.data as Float32Array).buffer).equals(Buffer.from((two.out.data as Float32Array).buffer)),
    ).toBe(true);
  });
});

test("a decoder's cache is as large as its window, and does not grow", async () => {
  const attend = slidingWindow({ window: 16, sinks: 2, dilation: 2 });
  await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, rewindable: 3, dtype: "f16" });
  // sinks + (W - 1) d + 1 + rewindable keys of 2 heads, 32 numbers of 2 bytes.
  expect(decoder.cacheBytes).toBe((2 + 15 * 2 + 1 + 3) * 2 * 32 * 2);
  await decoder.append(inputs({ queries: 5000 }));
  expect(decoder.length).toBe(5000);
});

test("a mask over all keys is refused where the cache keeps the last ones", async () => {
  await using decoder = slidingWindow({ window: 4 }).decoder({ heads: 4, kvHeads: 2, headDim: 16 });
  const shown = { data: new Uint8Array(3), shape: [1, 1, 1, 3] as const, offset: 0, strides: { b: 0, h: 0, n: 0 } };
  expect(() => decoder.appendSync({ ...inputs({ queries: 3 }), mask: shown })).toThrow(
    "slidingWindow.decoder.appendSync: a mask needs all keys",
  );
});

test.each([
  [{ window: 0 }, "slidingWindow: window is 0, expected an integer of at least 1"],
  [{ window: 2.5 }, "slidingWindow: window is 2.5"],
  [{ window: 4, dilation: 0 }, "slidingWindow: dilation is 0"],
  [{ window: 4, sinks: -1 }, "slidingWindow: sinks is -1"],
  [{ window: 4, perHeadWindow: [1, 0] }, "slidingWindow: perHeadWindow[1] is 0"],
  [{ window: 4, positions: "cache" as const }, 'slidingWindow: positions "cache" needs a rotary'],
  [{ window: 4, scale: NaN }, "slidingWindow: scale is NaN"],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => slidingWindow(given)).toThrow(message);
});

test("windows for another number of heads are refused", () => {
  expect(() => slidingWindow({ window: 1, perHeadWindow: [1, 2, 3] }).forwardSync(inputs({ queries: 4 }))).toThrow(
    "slidingWindow: perHeadWindow has 3 windows, q has H = 4",
  );
});

function tokens({ q, k, v }: AttentionInputs, from: number, to: number): { q: Tensor; k: Tensor; v: Tensor } {
  const cut = (view: Tensor): Tensor => ({ ...view, offset: view.offset + from * view.strides.n, length: to - from });
  return { q: cut(q), k: cut(k), v: cut(v) };
}

/** Rows [from, to) of every head of [1, 4, length, 16]. */
function rowsOf(all: Float64Array, from: number, to: number, length: number): Float64Array {
  const rows = [0, 1, 2, 3].map((h) => all.subarray((h * length + from) * 16, (h * length + to) * 16));
  return Float64Array.from(rows.flatMap((part) => [...part]));
}

/** One step of StreamingLLM: query t against the kept keys, everything turned by its place in the cache. */
function streamingRow(all: AttentionInputs, kept: readonly number[], t: number, rotary: ReturnType<typeof rope>) {
  const out: number[] = [];
  const frequencies = rotary.frequencies();
  const turned = (view: Tensor, h: number, n: number, place: number): number[] => {
    const at = h * view.strides.h + n * view.strides.n;
    const x = (view.data as Float32Array).subarray(at, at + 16);
    return Array.from({ length: 16 }, (_, i) => {
      const angle = place * frequencies[i % 8]!;
      return i < 8
        ? x[i]! * Math.cos(angle) - x[i + 8]! * Math.sin(angle)
        : x[i]! * Math.cos(angle) + x[i - 8]! * Math.sin(angle);
    });
  };
  for (let h = 0; h < 4; h++) {
    const g = Math.floor(h / 2);
    const query = turned(all.q, h, t, kept.length - 1);
    const scores = kept.map((j, place) => turned(all.k, g, j, place).reduce((s, x, i) => s + x * query[i]!, 0) / 4);
    const top = Math.max(...scores);
    const weights = scores.map((s) => Math.exp(s - top));
    const sum = weights.reduce((a, b) => a + b, 0);
    for (let e = 0; e < 16; e++) {
      const values = all.v.data as Float32Array;
      out.push(kept.reduce((s, j, i) => s + (weights[i]! / sum) * values[g * all.v.strides.h + j * 16 + e]!, 0));
    }
  }
  return out;
}
