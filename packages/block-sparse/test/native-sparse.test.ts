import { dense, tensor, type AttentionInputs, type Runtime, type Tensor } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nativeSparse, type NativeSparseInputs, type OwnBranch } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { calls, difference, inputs, numRuns, type Sizes } from "./call-inputs.ts";
import { explicitCompressed, explicitGated, explicitImportance, type ExplicitSizes } from "./explicit-native-sparse.ts";
import { normal, uniform } from "./normal.ts";
import { selects, tokensOf } from "./selected-checks.ts";

const runtimes = await availableRuntimes();

/** Gates between 0 and 1 for a call. */
function gatesOf(q: Tensor, seed = 9): Tensor {
  const next = uniform(seed);
  const numbers = Float32Array.from({ length: q.batch * q.heads * q.length * 3 }, () => next());
  return tensor(numbers, { shape: [q.batch, q.heads, q.length, 3] });
}

function gated(sizes: Sizes): NativeSparseInputs & { readonly q: Tensor } {
  const call = inputs(sizes);
  return { ...call, gates: gatesOf(call.q) };
}

/** The same with keys and values of their own for some branches. */
function withOwn(call: NativeSparseInputs, own: readonly OwnBranch[]): NativeSparseInputs {
  const other = ({ data, batch, heads, length, width }: Tensor, seed: number): Tensor =>
    tensor(normal((data as Float32Array).length, seed), { shape: [batch, heads, length, width] });
  return {
    ...call,
    ...(own.includes("compressed") && { compressedKeys: other(call.k, 21), compressedValues: other(call.v, 22) }),
    ...(own.includes("window") && { windowKeys: other(call.k, 23), windowValues: other(call.v, 24) }),
  };
}

const owns = fc.constantFrom<readonly OwnBranch[]>([], ["compressed"], ["window"], ["window", "compressed"]);
const sizes: fc.Arbitrary<ExplicitSizes> = fc
  .record({
    stride: fc.constantFrom(1, 2, 3, 4),
    spans: fc.integer({ min: 1, max: 4 }),
    strides: fc.integer({ min: 1, max: 4 }),
    selected: fc.integer({ min: 3, max: 7 }),
    window: fc.integer({ min: 1, max: 40 }),
    weighted: fc.boolean(),
  })
  .map(({ stride, spans, strides, selected, window, weighted }) => ({
    length: spans * stride,
    stride,
    weights: weighted ? Array.from(normal(spans * stride, 31)) : undefined,
    blockSize: strides * stride,
    selected,
    window,
  }));

const attentionOf = ({ length, stride, weights, ...rest }: ExplicitSizes, own: readonly OwnBranch[] = []) =>
  nativeSparse({ compression: { length, stride, weights }, ...rest, own });

/** Every row takes the blocks that are most important by loops in float64, where that is clear; returns how many rows had to choose. */
async function expectMostImportant(plain: AttentionInputs, given: ExplicitSizes, runtime: Runtime): Promise<number> {
  const call = { ...plain, gates: gatesOf(plain.q) };
  const { selected, blockSize } = given;
  const selection = await attentionOf(given).select(call, { runtime });
  const { weights } = explicitCompressed(call, given);
  let compared = 0;
  for (let row = 0; row < weights.length; row++) {
    const ranked = explicitImportance(call, given, weights, row);
    if (selected < ranked.length) {
      if (ranked[selected - 1]!.importance - ranked[selected]!.importance < 1e-4) continue;
      compared++;
    }
    const { heads, length } = call.q;
    const [b, h, i] = [Math.floor(row / length / heads), Math.floor(row / length) % heads, row % length];
    for (const [place, { block }] of ranked.entries()) {
      expect(selects(selection, b, h, i, block * blockSize)).toBe(place < selected);
    }
  }
  return compared;
}

describe.each(runtimes)("NSA on $label", ({ runtime }) => {
  test("is the gated sum of its branches over the blocks that it selects, whatever the positions and lengths", async () => {
    await fc.assert(
      fc.asyncProperty(calls, sizes, owns, async (plain, given, own) => {
        const call = withOwn({ ...plain, gates: gatesOf(plain.q) }, own);
        const attend = attentionOf(given, own);
        const selection = await attend.select(call, { runtime });
        const compressed = explicitCompressed(call, given);
        const want = explicitGated(
          call,
          given,
          (b, h, i, block) => selects(selection, b, h, i, block * given.blockSize),
          compressed.out,
        );
        for (const got of [await attend.forward(call, { runtime }), attend.forwardSync(call, { runtime })]) {
          expect(difference(got.out.data as Float32Array, want.out)).toBeLessThan(2e-5);
          expect(got.combine).toBe("gated");
          expect(got.selected.visiblePairs).toBe(want.selected);
        }
        expect(difference(attend.reference(call, { selection }).out, want.out)).toBeLessThan(1e-11);
      }),
      { numRuns },
    );
  });

  test("selects the forced blocks and the most important others, where these differ clearly", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(calls, sizes, async (plain, given) => {
        compared += await expectMostImportant(plain, given, runtime);
      }),
      { numRuns, seed: 3 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  test("weighs only compressed blocks that there are, for queries far past the last key", async () => {
    const call = { ...inputs({ batch: 2, queries: 40, keys: 22 }), queryOffset: 0 };
    const given = { length: 2, stride: 1, weights: undefined, blockSize: 4, selected: 3, window: 1 };
    expect(await expectMostImportant(call, given, runtime)).toBeGreaterThan(100);
  });

  test("is defined by these importances in float64", () => {
    fc.assert(
      fc.property(calls, sizes, (plain, given) => {
        const call = { ...plain, gates: gatesOf(plain.q) };
        const compressed = explicitCompressed(call, given);
        const rows = compressed.weights.map((_, row) => {
          const ranked = explicitImportance(call, given, compressed.weights, row);
          return new Set(ranked.slice(0, given.selected).map(({ block }) => block));
        });
        const clear = compressed.weights.every((_, row) => {
          const ranked = explicitImportance(call, given, compressed.weights, row);
          const [last, next] = [ranked[given.selected - 1], ranked[given.selected]];
          return next === undefined || last!.importance - next.importance > 1e-12;
        });
        fc.pre(clear);
        const want = explicitGated(
          call,
          given,
          (b, h, i, block) => rows[(b * call.q.heads + h) * call.q.length + i]!.has(block),
          compressed.out,
        );
        expect(difference(attentionOf(given).reference(call).out, want.out)).toBeLessThan(1e-11);
      }),
      { numRuns },
    );
  });

  test("weighs by 1, 2, 2, 2, 1 the compressed blocks that overlap a block of 64, as the paper has them", async () => {
    // Compressed block c has the key of token 16 c alone; only one of them matters to the query.
    const [N, D] = [1024, 8];
    for (const [c, block] of [
      [20, 5],
      [23, 5],
      [19, 4],
    ] as const) {
      const k = new Float32Array(N * D);
      k[c * 16 * D] = 400;
      const q = new Float32Array(N * D);
      for (let i = 0; i < N; i++) q[i * D] = 1;
      const shape = [1, 1, N, D] as const;
      const call = { q: tensor(q, { shape }), k: tensor(k, { shape }), v: tensor(normal(N * D, 2), { shape }) };
      const weights = Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? 1 : 0));
      const attend = nativeSparse({ selected: 4, compression: { weights } });
      const selection = await attend.select({ ...call, gates: gatesOf(call.q) }, { runtime });
      const taken = Array.from({ length: 16 }, (_, j) => j).filter((j) => selects(selection, 0, 0, N - 1, j * 64));
      // Block 19 of the compressed ones covers 304..335: 16 tokens of block 4 and 16 of block 5, and the lower wins.
      expect(taken).toEqual([0, block, 14, 15]);
    }
  });

  test("selects all where there are no more blocks than it takes", async () => {
    const call = gated({ batch: 2, queries: 130, keys: 141 });
    const only = new Float32Array(2 * 4 * 130 * 3).map((_, at) => (at % 3 === 1 ? 1 : 0));
    const attend = nativeSparse({ compression: { length: 4, stride: 2 }, blockSize: 16, selected: 9, window: 3 });
    const { out, selectedMass } = await attend.forward(
      { ...call, gates: tensor(only, { shape: [2, 4, 130, 3] }) },
      { runtime, selectedMass: true },
    );
    const want = dense({ causal: true }).reference(call);
    expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
    expect(selectedMass.mean).toBeGreaterThan(1 - 1e-5);
  });

  test("decodes to the same rows in any split, with tokens taken back on the way", async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        owns,
        fc.integer({ min: 1, max: 120 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        async (given, own, length, ends) => {
          const all = withOwn(gated({ queries: length, seed: length }), own);
          await expectGatedDecodes(given, own, all, ends);
        },
      ),
      { numRuns },
    );
  });

  async function expectGatedDecodes(
    given: ExplicitSizes,
    own: readonly OwnBranch[],
    all: NativeSparseInputs,
    ends: readonly number[],
  ): Promise<void> {
    const attend = attentionOf(given, own);
    const { q, k, v } = all;
    const selection = await attend.select(all, { runtime });
    const want = attend.reference(all, { selection }).out;
    const shape = { heads: q.heads, kvHeads: k.heads, headDim: q.width, valueDim: v.width };
    await using decoder = attend.decoder({ ...shape, capacity: q.length + 9, runtime });
    let from = 0;
    for (const to of [...ends.map((end) => end % (q.length + 1)), q.length].sort((a, b) => a - b)) {
      const detour = tokensOf(all, 0, Math.min(9, q.length));
      decoder.appendSync(detour);
      decoder.rewind(detour.q.length);
      const part = tokensOf(all, from, to);
      const { out, combine } = to % 2 === 0 ? await decoder.append(part) : decoder.appendSync(part);
      expect(combine).toBe("gated");
      for (let h = 0; h < q.heads; h++) {
        const rows = want.subarray((h * q.length + from) * v.width, (h * q.length + to) * v.width);
        const got = (out.data as Float32Array).subarray(h * rows.length, (h + 1) * rows.length);
        expect(difference(got, rows)).toBeLessThan(2e-5);
      }
      from = to;
    }
    expect(decoder.length).toBe(q.length);
  }

  test("compresses and selects inside documents, as if each came alone", async () => {
    const documents = [40, 0, 27, 60];
    const options = { compression: { length: 4, stride: 2 }, blockSize: 4, selected: 4, window: 5 };
    const call = gated({ queries: 127 });
    const { out } = await nativeSparse({ ...options, documents }).forward(call, { runtime });
    const exact = nativeSparse({ ...options, documents }).reference(call).out;
    expect(difference(out.data as Float32Array, exact)).toBeLessThan(2e-5);
    let start = 0;
    for (const length of documents) {
      const alone = await nativeSparse(options).forward(tokensOf(call, start, start + length), { runtime });
      for (let h = 0; h < 4; h++) {
        const rows = (data: unknown, at: number) => (data as Float32Array).subarray(at * 8, (at + length) * 8);
        expect(difference(rows(out.data, h * 127 + start), rows(alone.out.data, h * length))).toBeLessThan(1e-6);
      }
      start += length;
    }
  });

  test("hears nothing of the future, poisoned or not", async () => {
    const own = ["compressed", "window"] as const;
    const attend = nativeSparse({ compression: { length: 8, stride: 4 }, blockSize: 8, selected: 4, window: 9, own });
    const call = withOwn(gated({ queries: 99 }), own);
    const clean = await attend.forward(call, { runtime });
    for (const at of [0, 6, 7, 8, 15, 70]) {
      const poisoned = (view: Tensor): Tensor => {
        const data = (view.data as Float32Array).slice();
        for (let row = 0; row < data.length / view.width; row++) {
          if (row % view.length > at) data.fill(Number.NaN, row * view.width, (row + 1) * view.width);
        }
        return { ...view, data };
      };
      const keys = Object.entries(call).filter(([name]) => !["q", "gates"].includes(name));
      const poison = Object.fromEntries(keys.map(([name, view]) => [name, poisoned(view as Tensor)]));
      const { out } = await attend.forward({ ...call, ...poison }, { runtime });
      for (let h = 0; h < 4; h++) {
        const rows = (data: unknown) => (data as Float32Array).subarray(h * 99 * 8, (h * 99 + at + 1) * 8);
        expect(difference(rows(out.data), rows(clean.out.data))).toBe(0);
      }
    }
  });

  test("has the same bits at one thread and two, in both layouts and into a tensor of the caller's", async () => {
    const attend = nativeSparse({ compression: { length: 8, stride: 4 }, blockSize: 16, selected: 5, window: 64 });
    const call = gated({ queries: 700, headDim: 33 });
    const [one, two] = await Promise.all([1, 2].map((threads) => attend.forward(call, { runtime, threads })));
    expect(two!.out.data).toEqual(one!.out.data);
    const across = (view: Tensor): Tensor => {
      const { heads, length, width } = view;
      const data = new Float32Array(heads * length * width);
      for (let h = 0; h < heads; h++) {
        for (let n = 0; n < length; n++) {
          const row = (view.data as Float32Array).subarray((h * length + n) * width, (h * length + n + 1) * width);
          data.set(row, (n * heads + h) * width);
        }
      }
      return tensor(data, { shape: [1, length, heads, width], layout: "bnhd" });
    };
    const { q, k, v, gates } = call;
    const out = across(one!.out);
    const turned = tensor(new Float32Array(4 * 700 * 8), { shape: [1, 700, 4, 8], layout: "bnhd" });
    await attend.forward({ q: across(q), k: across(k), v: across(v), gates: across(gates) }, { runtime, out: turned });
    expect(turned.data).toEqual(out.data);
  });

  test("plans the pairs of all branches", async () => {
    const attend = nativeSparse({ compression: { length: 8, stride: 4 }, blockSize: 16, selected: 4, window: 20 });
    const call = gated({ queries: 300 });
    const plan = attend.plan({ heads: 4, kvHeads: 2, queries: 300, headDim: 16, valueDim: 8, runtime });
    const { selected } = await attend.forward(call, { runtime });
    let others = 0;
    for (let t = 0; t < 300; t++) others += Math.min(20, t + 1) + (t < 7 ? 0 : Math.floor((t - 7) / 4) + 1);
    expect(plan.visiblePairs).toBe(selected.visiblePairs + 4 * others);
    expect(plan.exact).toBe(true);
    expect(plan.visitedPairs).toBeGreaterThanOrEqual(plan.visiblePairs);
    const compressed = 4 * 2 * 74 * (16 + 8);
    expect(plan.cacheBytes).toBe(4 * 2 * 300 * (16 + 8) + compressed);
    await using decoder = attend.decoder({ heads: 4, kvHeads: 2, headDim: 16, valueDim: 8, capacity: 300, runtime });
    expect(decoder.cacheBytes).toBe(plan.cacheBytes);
  });
});

test("rows that see no compressed block have nothing of it", async () => {
  const call = gated({ queries: 40 });
  const ones = (at: number) =>
    tensor(
      new Float32Array(480).map((_, n) => (n % 3 === at ? 1 : 0)),
      { shape: [1, 4, 40, 3] },
    );
  const { out } = await nativeSparse().forward({ ...call, gates: ones(0) });
  for (let row = 0; row < 160; row++) {
    const read = (out.data as Float32Array).subarray(row * 8, (row + 1) * 8);
    expect(read.every((x) => x === 0)).toBe(row % 40 < 31);
  }
});

test.each([
  [{ compression: { stride: 0 } }, "nativeSparse: compression.stride is 0, expected an integer in 1..2^30"],
  [{ compression: { length: 40 } }, "nativeSparse: compression.length is 40, expected a multiple of the stride 16"],
  [{ compression: { weights: [1] } }, "nativeSparse: compression.weights has 1 numbers, expected L = 32"],
  [{ blockSize: 40 }, "nativeSparse: blockSize is 40, expected a multiple of the stride 16"],
  [{ selected: 2 }, "nativeSparse: selected is 2, expected an integer in 3..2^30"],
  [{ window: 0 }, "nativeSparse: window is 0, expected an integer in 1..2^30"],
  [{ own: ["selected"] as never }, 'nativeSparse: own names "selected", expected "compressed" or "window"'],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => nativeSparse(given)).toThrow(message);
});

test("inputs that do not fit are refused", () => {
  const call = gated({ queries: 20 });
  const forward =
    (given: object, options = {}) =>
    () =>
      nativeSparse({ own: ["window"] }).forwardSync({ ...withOwn(call, ["window"]), ...given }, options);
  const where = "nativeSparse.forwardSync:";
  expect(forward({ gates: undefined })).toThrow(`${where} gates is undefined, expected a tensor`);
  expect(forward({ gates: call.q })).toThrow(`${where} gates is [1, 4, 20, 16], expected [1, 4, 20, 3]`);
  expect(forward({ windowKeys: undefined })).toThrow(`${where} windowKeys is undefined, expected a tensor`);
  expect(forward({ windowValues: call.k })).toThrow(`${where} windowValues is [1, 2, 20, 16], expected [1, 2, 20, 8]`);
  expect(forward({ compressedKeys: call.k })).toThrow(`${where} compressedKeys given, expected own to name`);
  expect(forward({ mask: {} })).toThrow("mask");
  expect(forward({}, { lse: true })).toThrow(`${where} lse is true, but a gated sum has no lse`);
  expect(forward({}, { partial: true })).toThrow(`${where} partial is true, but a gated sum has no lse`);
  expect(() => nativeSparse({ compression: { weights: new Float32Array(96) } }).forwardSync(call)).toThrow(
    `${where} compression.weights has 96 numbers, expected L = 32, or G L = 64`,
  );
});
