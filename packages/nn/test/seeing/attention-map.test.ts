import { cumulative, nativeSparse, topKBlocks } from "@saccade/block-sparse";
import { dilatedSegments, dualChunk } from "@saccade/chunked";
import { biasTensor, dense, maskTensor, tensor, type AttentionInputs, type Tensor } from "@saccade/core";
import { deltaNet, eluPlusOne, linear, retention } from "@saccade/linear";
import { rope } from "@saccade/positions";
import { slidingWindow } from "@saccade/sliding-window";
import fc from "fast-check";
import { describe, expect, it, test } from "vitest";
import { attentionMap, mapRow, type Attending, type AttentionMap, type MapInputs } from "../../src/index.ts";
import { calls, difference, inputs, sumOf } from "./call-inputs.ts";
import { explicitTopKBlocks, explicitWeights, type ExplicitTerms } from "./explicit-weights.ts";
import { normal } from "./normal.ts";
import { VARIANTS } from "./variants.ts";

const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 100 : 12;

/** The same attention, of which nothing is known but its outputs. */
function asOutputs<I extends MapInputs>(attention: Attending<I>): Attending<I> {
  const { name, selection } = attention;
  return { name, selection, forward: (call, options) => attention.forward(call, options) };
}

function expectRows(map: AttentionMap, call: AttentionInputs, batch: number, terms: ExplicitTerms): void {
  for (const query of map.queries) {
    for (const head of map.heads) {
      const want = explicitWeights(call, batch, head, query, terms);
      const row = mapRow(map, query, head);
      expect(difference(row, want)).toBeLessThan(1e-5);
      if (terms.sinks !== undefined) expect(sumOf(row)).toBeLessThan(1);
      else if (want.some((weight) => weight > 0)) expect(sumOf(row)).toBeCloseTo(1, 5);
      else expect(sumOf(row)).toBe(0);
    }
  }
}

describe.each(VARIANTS)("rows of $name", ({ attention, terms }) => {
  const cases = fc.record({ call: calls, batch: fc.nat({ max: 1 }), step: fc.integer({ min: 1, max: 7 }) });
  const chosen = (call: AttentionInputs, step: number): number[] =>
    Array.from({ length: call.q.length }, (_, i) => i).filter((i) => i % step === 0 || i === call.q.length - 1);

  it("are what explicit loops give", () =>
    fc.assert(
      fc.asyncProperty(cases, async ({ call, batch, step }) => {
        const map = await attentionMap(attention, call, { queries: chosen(call, step), batch });
        expectRows(map, call, batch, terms(call));
      }),
      { numRuns },
    ));

  it("are that too when only its outputs are looked at", () =>
    fc.assert(
      fc.asyncProperty(cases, async ({ call, batch, step }) => {
        const map = await attentionMap(asOutputs(attention), call, { queries: chosen(call, step), batch });
        expectRows(map, call, batch, terms(call));
      }),
      { numRuns },
    ));
});

describe("a bias and a mask of a call", () => {
  const base = inputs({ batch: 2, queries: 13, keys: 21 });
  const bias = biasTensor(
    normal(4 * 13 * 21, 5).map((x, n) => (n % 11 === 0 ? -Infinity : x)),
    { shape: [1, 4, 13, 21] },
  );
  const mask = maskTensor(
    Uint8Array.from({ length: 2 * 21 }, (_, n) => (n % 4 === 0 ? 0 : 1)),
    { shape: [2, 1, 1, 21] },
  );

  it.each([
    ["its scores", dense()],
    ["its outputs", asOutputs(dense())],
  ])("count in a map by %s", async (_, attention) => {
    const call = { ...base, bias, mask };
    const map = await attentionMap(attention, call, { queries: [0, 5, 6, 12], batch: 1 });
    expectRows(map, call, 1, { shows: () => true });
  });
});

describe("a map gives back the output, which is its rows times the values", () => {
  const call = inputs({ heads: 4, kvHeads: 2, queries: 300 });
  const gates = tensor(
    Float32Array.from({ length: 4 * 300 * 3 }, (_, n) => ((n * 7) % 10) / 10),
    { shape: [1, 4, 300, 3] },
  );
  const beta = tensor(new Float32Array(2 * 300).fill(0.05), { shape: [1, 2, 300, 1] });
  const cases: readonly (readonly [string, Attending<never>, MapInputs])[] = [
    ["dense over M > 256 keys", dense(), call],
    ["dense over M > 256 keys, by outputs", asOutputs(dense()), call],
    ["rotary positions", slidingWindow({ window: 50, rotary: rope({ dim: 16 }) }), call],
    [
      "positions in a cache",
      slidingWindow({ window: 50, sinks: 3, rotary: rope({ dim: 16 }), positions: "cache" }),
      call,
    ],
    ["three turns of a query", dualChunk({ chunk: 64, local: 16, rotary: rope({ dim: 16 }) }), call],
    ["branches of which keys are in several", dilatedSegments({ segments: [16, 64], dilations: [1, 4] }), call],
    ["documents that select inside", topKBlocks({ blockSize: 16, topK: 2, documents: [100, 37, 163] }), call],
    ["blocks of queries that select together", cumulative({ tau: 0.7, blockSize: 16, queryBlock: 32 }), call],
    ["the same, by outputs", asOutputs(cumulative({ tau: 0.7, blockSize: 16, queryBlock: 32 })), call],
    [
      "joined gates",
      nativeSparse({ blockSize: 32, selected: 4, window: 40, compression: { length: 16, stride: 8 } }),
      { ...call, gates } as MapInputs,
    ],
    ["linear attention", linear({ map: eluPlusOne() }), call],
    ["retention", retention(), call],
    ["the delta rule", deltaNet(), { ...call, beta } as MapInputs],
  ];

  it.each(cases)("%s", async (_, attention, given) => {
    const queries = [0, 77, 140, 141, 299];
    const map = await attentionMap(attention as Attending<MapInputs>, given, { queries });
    const { out } = await (attention as Attending<MapInputs>).forward(given);
    const [outs, values] = [out.data as Float32Array, given.v.data as Float32Array];
    const group = out.heads / given.v.heads;
    for (const query of queries) {
      for (const head of map.heads) {
        const weights = mapRow(map, query, head);
        const want = Array.from({ length: 8 }, (_e, e) =>
          weights.reduce((sum, w, j) => sum + w * values[(Math.floor(head / group) * 300 + j) * 8 + e]!, 0),
        );
        const at = out.offset + head * out.strides.h + query * out.strides.n;
        expect(difference(outs.subarray(at, at + 8), want)).toBeLessThan(2e-5);
      }
    }
  });
});

test("weights of linear attention are those of its formula", async () => {
  const call = inputs({ heads: 2, kvHeads: 2, queries: 40 });
  const map = await attentionMap(linear({ map: eluPlusOne() }), call, { queries: [0, 39] });
  const phi = (x: number): number => (x > 0 ? x + 1 : Math.exp(x));
  const [qs, ks] = [call.q.data as Float32Array, call.k.data as Float32Array];
  const product = (h: number, j: number): number => {
    let sum = 0;
    for (let d = 0; d < 16; d++) sum += phi(qs[(h * 40 + 39) * 16 + d]!) * phi(ks[(h * 40 + j) * 16 + d]!);
    return sum;
  };
  for (const h of [0, 1]) {
    const all = Array.from({ length: 40 }, (_, j) => product(h, j));
    const sum = all.reduce((x, y) => x + y);
    expect(
      difference(
        mapRow(map, 39, h),
        all.map((x) => x / sum),
      ),
    ).toBeLessThan(1e-5);
    expect([...mapRow(map, 0, h).subarray(0, 2)]).toEqual([1, 0]);
  }
});

test("what a state brings is no part of a map", async () => {
  const call = inputs({ heads: 2, kvHeads: 2, queries: 40 });
  const attend = linear({ map: eluPlusOne(), normalise: false });
  const { state } = await attend.forward(inputs({ heads: 2, kvHeads: 2, queries: 25, seed: 2 }), { state: true });
  const [fresh, carried] = [
    await attentionMap(attend, call, { queries: [0, 39] }),
    await attentionMap<MapInputs>(attend, { ...call, state } as MapInputs, { queries: [0, 39] }),
  ];
  const largest = fresh.weights.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0);
  expect(difference(carried.weights, fresh.weights)).toBeLessThan(2e-5 * largest);
});

test("selected rows with a bias and a mask are those of the call", async () => {
  const call = inputs({ queries: 60 });
  const bias = biasTensor(normal(4 * 60 * 60, 8), { shape: [1, 4, 60, 60] });
  const mask = maskTensor(
    Uint8Array.from({ length: 60 }, (_, j) => (j % 6 === 1 ? 0 : 1)),
    { shape: [1, 1, 1, 60] },
  );
  const attend = topKBlocks({ blockSize: 8, topK: 3 });
  const terms = { shows: explicitTopKBlocks(call, { blockSize: 8, topK: 3 }) };
  const map = await attentionMap(attend, { ...call, bias, mask }, { queries: [0, 20, 21, 59] });
  expectRows(map, { ...call, bias, mask }, 0, terms);
});

test.each([
  ["its scores", dense({ causal: true })],
  ["its outputs", asOutputs(dense({ causal: true }))],
])("tokens before heads give the same map by %s", async (_, attention) => {
  const call = inputs({ batch: 2, queries: 30 });
  const turned = ({ data, batch, heads, length, width }: Tensor): Tensor => {
    const from = data as Float32Array;
    const to = new Float32Array(from.length);
    for (let row = 0; row < batch * heads * length; row++) {
      const [b, h, n] = [Math.floor(row / length / heads), Math.floor(row / length) % heads, row % length];
      to.set(from.subarray(row * width, (row + 1) * width), ((b * length + n) * heads + h) * width);
    }
    return tensor(to, { shape: [batch, length, heads, width], layout: "bnhd" });
  };
  const options = { queries: [0, 13, 29], batch: 1 };
  const map = await attentionMap(attention, { q: turned(call.q), k: turned(call.k), v: turned(call.v) }, options);
  expectRows(map, call, 1, { shows: (p, j) => j <= p });
});

test("a mean over heads is the mean of their rows", async () => {
  const call = inputs({ queries: 30 });
  const [each, mean] = [
    await attentionMap(dense(), call, { queries: [3, 29], heads: [0, 3] }),
    await attentionMap(dense(), call, { queries: [3, 29], heads: [0, 3], average: true }),
  ];
  for (const query of [3, 29]) {
    const want = mapRow(each, query, 0).map((weight, j) => (weight + mapRow(each, query, 3)[j]!) / 2);
    expect(difference(mapRow(mean, query), want)).toBeLessThan(1e-7);
  }
  expect(() => mapRow(mean, 3, 0)).toThrow("mapRow: head is 0, but the map is a mean over heads");
});

test("logits far apart give weights of 0 and 1, not NaN", async () => {
  const call = inputs({ heads: 1, kvHeads: 1, queries: 1, keys: 9000, headDim: 1 });
  const q = tensor(Float32Array.of(1), { shape: [1, 1, 1, 1] });
  const k = tensor(
    Float32Array.from({ length: 9000 }, (_, j) => (j === 5000 ? 3e4 : -j)),
    { shape: [1, 1, 9000, 1] },
  );
  const map = await attentionMap(dense(), { ...call, q, k }, { queries: [0] });
  expect(map.weights[5000]).toBe(1);
  expect(sumOf(map.weights)).toBe(1);
});

describe("what cannot be", () => {
  const call = inputs({ queries: 10 });

  it.each([
    [{ queries: [10] }, "attentionMap: query 10 is not there, expected one of 0..9"],
    [{ queries: [0], heads: [4] }, "attentionMap: head 4 is not there, expected one of 0..3"],
    [{ queries: [0], heads: [] }, "attentionMap: heads is an empty list, expected at least one"],
    [{ queries: [0], batch: 1 }, "attentionMap: batch element 1 is not there, expected one of 0..0"],
  ])("is named: %o", async (options, message) => {
    await expect(attentionMap(dense(), call, options)).rejects.toThrow(message);
  });

  it("is told in the attention's own words where inputs do not fit", async () => {
    const wrong = { ...call, k: inputs({ queries: 10, kvHeads: 3, heads: 3 }).k };
    await expect(attentionMap(dense(), wrong, { queries: [0] })).rejects.toThrow(RangeError);
  });

  it("is rows alone of a call that reads more than can be cut", async () => {
    const gates = tensor(new Float32Array(4 * 10 * 3), { shape: [1, 4, 10, 3] });
    const asked = attentionMap(nativeSparse(), { ...call, gates }, { queries: [0], alone: true });
    await expect(asked).rejects.toThrow("attentionMap: alone is true, but the call reads more than q, k, v");
  });

  it("names rows that a map does not have", async () => {
    const map = await attentionMap(dense(), call, { queries: [2] });
    expect(() => mapRow(map, 3, 0)).toThrow("mapRow: query 3 is not in the map, which has 2");
    expect(() => mapRow(map, 2, 9)).toThrow("mapRow: head 9 is not in the map, which has 0, 1, 2, 3");
    expect(() => mapRow(map, 2)).toThrow("mapRow: expected a head, one of 0, 1, 2, 3");
  });
});

describe("a signal", () => {
  it.each([
    ["its scores", dense()],
    ["its outputs", asOutputs(dense())],
  ])("stops a map by %s", async (_, attention) => {
    const call = inputs({ queries: 400, keys: 4000 });
    const controller = new AbortController();
    const map = attentionMap(attention, call, {
      queries: Array.from({ length: 400 }, (_q, i) => i),
      signal: controller.signal,
    });
    setTimeout(() => controller.abort(new Error("enough")), 30);
    await expect(map).rejects.toThrow("enough");
  });
});
