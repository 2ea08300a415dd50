import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { dense, tensor, type DecoderInputs, type Tensor } from "../src/index.ts";
import { asTensor } from "./attention-case.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { RandomNumbers } from "./random-numbers.ts";

const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 400 : 20;
const { available } = await availableRuntimes();

afterAll(() => Promise.all(available.map(({ runtime }) => runtime[Symbol.asyncDispose]())));

const [B, H, G, D, E] = [2, 4, 2, 8, 6];

/** Tokens [from, to) of [B, heads, length, width]. */
function slice(all: Tensor, from: number, to: number): Tensor {
  return { ...all, offset: all.offset + from * all.strides.n, length: to - from };
}

function tokens(length: number, seed: number): { q: Tensor; k: Tensor; v: Tensor } {
  const random = new RandomNumbers(seed);
  const view = (heads: number, width: number, how: "bhnd" | "bnhd") =>
    asTensor(random.normal(B * heads * length * width), [B, heads, length, width], how);
  return { q: view(H, D, "bhnd"), k: view(G, D, "bnhd"), v: view(G, E, "bhnd") };
}

function part({ q, k, v }: DecoderInputs, from: number, to: number): DecoderInputs {
  return { q: slice(q, from, to), k: slice(k, from, to), v: slice(v, from, to) };
}

const sizes = { batch: B, heads: H, kvHeads: G, headDim: D, valueDim: E };

describe.each(available)("a decoder on $label", ({ runtime }) => {
  test("gives the rows of one causal call, however the tokens are split", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 60 }),
        fc.array(fc.nat(), { maxLength: 6 }),
        fc.boolean(),
        async (length, seeds, sinks) => {
          const attend = dense({ causal: true, learnedSinks: sinks ? [1, 2, 3, 4] : undefined });
          const all = tokens(length, length);
          const want = attend.reference(all);
          const ends = [...seeds.map((seed) => seed % (length + 1)), length].sort((a, b) => a - b);
          await using decoder = attend.decoder({ ...sizes, capacity: length, runtime });
          let from = 0;
          for (const to of ends) {
            const inputs = part(all, from, to);
            const { out, lse } =
              to % 2 === 0 ? await decoder.append(inputs, { lse: true }) : decoder.appendSync(inputs, { lse: true });
            const data = out.data as Float32Array;
            const rows = to - from;
            for (let row = 0; row < B * H * rows; row++) {
              const wanted = Math.floor(row / rows) * length + from + (row % rows);
              expect(Math.abs(lse[row]! - want.lse[wanted]!)).toBeLessThan(1e-5);
              for (let e = 0; e < E; e++) {
                expect(Math.abs(data[row * E + e]! - want.out[wanted * E + e]!)).toBeLessThan(1e-5);
              }
            }
            expect(decoder.length).toBe(to);
            from = to;
          }
        },
      ),
      { numRuns },
    );
  });

  test("goes on from a checkpoint or a rewound length as if nothing had been in between", async () => {
    const all = tokens(30, 1);
    const attend = dense({ causal: true });
    await using straight = attend.decoder({ ...sizes, capacity: 30, runtime });
    await straight.append(part(all, 0, 20));
    const want = straight.appendSync(part(all, 20, 24)).out.data;

    await using decoder = attend.decoder({ ...sizes, capacity: 30, runtime });
    await decoder.append(part(all, 0, 20));
    const checkpoint = decoder.checkpoint();
    expect(checkpoint.length).toBe(20);
    await decoder.append(part(tokens(30, 2), 0, 10));
    decoder.restore(checkpoint);
    expect(decoder.appendSync(part(all, 20, 24)).out.data).toEqual(want);
    decoder.rewind(4);
    decoder.appendSync(part(tokens(30, 3), 0, 2));
    decoder.restore(checkpoint);
    expect((await decoder.append(part(all, 20, 24))).out.data).toEqual(want);
  });

  test("is unchanged by a call that was cancelled", async () => {
    const all = tokens(30, 4);
    await using decoder = dense({ causal: true }).decoder({ ...sizes, capacity: 30, runtime });
    await decoder.append(part(all, 0, 10));
    const reason = new Error("enough");
    await expect(decoder.append(part(all, 10, 20), { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(decoder.length).toBe(10);
    await decoder.append(part(all, 10, 30));
  });

  test("takes a mask over all its keys", async () => {
    const all = tokens(12, 5);
    const attend = dense({ causal: true });
    await using decoder = attend.decoder({ ...sizes, capacity: 12, runtime });
    await decoder.append(part(all, 0, 11));
    const shown = Uint8Array.from({ length: 12 }, (_, j) => j % 3);
    const mask = { data: shown, shape: [1, 1, 1, 12] as const, offset: 0, strides: { b: 0, h: 0, n: 0 } };
    const { out } = decoder.appendSync({ ...part(all, 11, 12), mask });
    const want = attend.reference({ ...all, q: slice(all.q, 11, 12), mask }).out;
    (out.data as Float32Array).forEach((value, i) => expect(Math.abs(value - want[i]!)).toBeLessThan(1e-5));
  });
});

test.each(["auto", "wasm", "reference"] as const)("a cache that does not fit is refused on %s", async (runtime) => {
  await using decoder = dense().decoder({ heads: 64, headDim: 128, capacity: 2 ** 30, runtime });
  const token = tensor(new Float32Array(64 * 128), { shape: [1, 64, 1, 128] });
  const message = /^dense\.decoder\.append: \w+ has no room for a cache of 67108864 MB$/;
  await expect(decoder.append({ q: token, k: token, v: token })).rejects.toThrow(message);
  expect(decoder.length).toBe(0);
});

describe("a decoder", () => {
  const runtime = "reference";
  const make = (capacity: number, more: object = {}) =>
    dense({ causal: true }).decoder({ ...sizes, capacity, runtime, ...more });

  test("says when its cache is full and keeps what it has", async () => {
    await using decoder = make(8);
    await decoder.append(tokens(8, 1));
    const message = "dense.decoder.append: cache full: capacity 8, asked for 9";
    await expect(decoder.append(tokens(1, 1))).rejects.toThrow(message);
    expect(() => decoder.appendSync(tokens(1, 1))).toThrow("appendSync: cache full: capacity 8, asked for 9");
    expect(decoder.length).toBe(8);
  });

  test("refuses tokens of other sizes than it was made for", async () => {
    await using decoder = make(8);
    const { q, k, v } = tokens(3, 1);
    expect(() => decoder.appendSync({ q: slice(q, 0, 2), k, v })).toThrow(
      "dense.decoder.appendSync: q has N = 2 tokens, k has 3",
    );
    const narrow = tensor(new Float32Array(B * 3), { shape: [B, 1, 3, 1] });
    expect(() => decoder.appendSync({ q: narrow, k: narrow, v: narrow })).toThrow(
      "dense.decoder.appendSync: heads is 1, the decoder was made for 4",
    );
    expect(decoder.length).toBe(0);
  });

  test("refuses sizes that make no sense", () => {
    expect(() => make(NaN)).toThrow("dense.decoder: capacity is NaN, expected an integer of at least 0");
    expect(() => make(4, { kvHeads: 3 })).toThrow(
      "dense.decoder: options has G = 3 heads, which does not divide H = 4",
    );
    expect(() => make(4, { headDim: 0 })).toThrow("dense.decoder: options has D = 0, expected at least 1");
    expect(() => make(4, { dtype: "f8" })).toThrow(
      'dense.decoder: dtype is "f8", expected "f32", "f16", "bf16" or "i8"',
    );
  });

  test("runs one call at a time", async () => {
    await using decoder = make(8);
    const first = decoder.append(tokens(2, 1));
    const second = decoder.append(tokens(2, 1));
    expect(() => decoder.rewind(1)).toThrow("dense.decoder.rewind: another append is still running");
    await expect(second).rejects.toThrow("dense.decoder.append: another append is still running");
    await first;
    expect(decoder.length).toBe(2);
  });

  test("rewinds no further than it promised", async () => {
    await using decoder = make(8, { rewindable: 3 });
    await decoder.append(tokens(6, 1));
    expect(() => decoder.rewind(4)).toThrow("dense.decoder.rewind: asked for 4 tokens, expected an integer in 0..3");
    decoder.rewind(2);
    expect(() => decoder.rewind(2)).toThrow("expected an integer in 0..1");
    decoder.rewind(1);
    expect(decoder.length).toBe(3);
    expect(() => decoder.rewind(NaN)).toThrow("asked for NaN tokens");
  });

  test("loses the checkpoints that it was taken back behind", async () => {
    await using decoder = make(20);
    await decoder.append(tokens(5, 1));
    const early = decoder.checkpoint();
    await decoder.append(tokens(5, 2));
    const late = decoder.checkpoint();
    decoder.rewind(3);
    await decoder.append(tokens(5, 3));
    expect(() => decoder.restore(late)).toThrow(
      "dense.decoder.restore: the checkpoint at length 10 is gone: the decoder was taken back to 7 since",
    );
    decoder.restore(early);
    expect(decoder.length).toBe(5);
    decoder.restore(early);
    expect(() => decoder.restore({ length: 5 })).toThrow("the checkpoint is not one of this decoder");
  });

  test("is of no use after it was disposed, and may be disposed twice", async () => {
    const decoder = make(8);
    await decoder.append(tokens(2, 1));
    await decoder[Symbol.asyncDispose]();
    await decoder[Symbol.asyncDispose]();
    expect(() => decoder.appendSync(tokens(1, 1))).toThrow("dense.decoder.appendSync: the decoder is disposed");
  });

  test("of no tokens gives an empty result", async () => {
    await using decoder = make(8);
    const { out } = await decoder.append(tokens(0, 1));
    expect(out.data.length).toBe(0);
    expect(decoder.length).toBe(0);
  });
});
