import { tensor, type Gate, type LinearAttention, type LinearInputs } from "@saccade/core";
import { describe, expect, test } from "vitest";
import {
  cosFormer,
  deltaNet,
  eluPlusOne,
  favorPlus,
  hedgehog,
  linear,
  logLinear,
  lolcats,
  retention,
  scalarGated,
  taylor,
} from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { beta, difference, flattened, inputsOf, scalarDecay, type GateSpec, type Sizes } from "./call-inputs.ts";

const runtimes = await availableRuntimes();
const one: Sizes = { batch: 1, heads: 2, kvHeads: 1, valueHeads: 1, tokens: 1100, headDim: 8, valueDim: 4 };

/** Calls of more tokens, or batch elements, than a panel has. */
const CALLS: readonly [string, unknown, Partial<Record<Gate, GateSpec>>, Sizes][] = [
  ["taylor, panel by panel", linear({ map: taylor() }), {}, { ...one, headDim: 32 }],
  [
    "taylor, some batch elements at a time",
    linear({ map: taylor() }),
    {},
    { ...one, batch: 20, tokens: 40, headDim: 64 },
  ],
  ["favorPlus", linear({ map: favorPlus({ features: 700 }) }), {}, one],
  [
    "cosFormer",
    linear({ map: cosFormer({ maximum: 2000 }) }),
    {},
    { ...one, batch: 2, heads: 16, kvHeads: 16, valueHeads: 16, headDim: 64, valueDim: 2 },
  ],
  ["hedgehog", linear({ map: hedgehog() }), {}, { ...one, heads: 16, kvHeads: 16, valueHeads: 16, headDim: 64 }],
  [
    "a state space model",
    scalarGated({ a: [-1, -2] }),
    { dt: { width: () => 1, of: (x) => x } },
    { ...one, kvHeads: 2, valueHeads: 2, valueDim: 700 },
  ],
  [
    "deltaNet that normalises",
    deltaNet({ normaliseKeys: true }),
    { beta },
    { ...one, heads: 8, kvHeads: 8, valueHeads: 8, headDim: 128 },
  ],
  ["lolcats", lolcats({ window: 40, map: eluPlusOne() }), {}, one],
  ["lolcats with a window beyond its panels", lolcats({ window: 700, map: eluPlusOne() }), {}, one],
  [
    "logLinear",
    logLinear({ levels: 12 }),
    { decay: scalarDecay, levels: { heads: ({ heads }) => heads, width: () => 12, of: (x) => x } },
    { ...one, tokens: 1500 },
  ],
];

describe.each(runtimes)("on $label", ({ runtime }) => {
  test.each(CALLS)("%s is its definition over the whole call", async (_, made, gates, sizes) => {
    const attend = made as LinearAttention<Gate>;
    const call = inputsOf(sizes, gates as Record<Gate, GateSpec>, { seed: 5 });
    const want = attend.reference(call);
    const { out, state } = await attend.forward(call, { runtime, state: true });
    expect(difference(flattened(out), want.out)).toBeLessThan(1e-4);
    expect(difference(state.part("memory"), want.state["memory"]!)).toBeLessThan(1e-4);
  });
});

describe("both sides:", () => {
  const sizes: Sizes = { ...one, heads: 4, kvHeads: 2, valueHeads: 2, batch: 2, tokens: 41 };
  const long: Sizes = { ...one, tokens: 1100 };

  /** sum_j weight(|t - j|) phi(q_t) . phi(k_j) v_j by loops, divided by the weights' sum where asked. */
  function explicitly(
    { q, k, v, lengths }: LinearInputs,
    phi: (x: number) => number,
    decay: (s: number) => number,
    normalised: boolean,
    scale: number,
  ): Float64Array {
    const [H, G, N, D, E] = [q.heads, k.heads, q.length, q.width, v.width];
    const [qs, ks, vs] = [flattened(q), flattened(k), flattened(v)];
    const out = new Float64Array(q.batch * H * N * E);
    for (let row = 0; row < q.batch * H; row++) {
      const [b, h] = [Math.floor(row / H), row % H];
      const g = Math.floor((h * G) / H);
      const count = lengths?.[b] ?? N;
      for (let t = 0; t < count; t++) {
        let total = 0;
        const at = (row * N + t) * E;
        for (let j = 0; j < count; j++) {
          let weight = 0;
          for (let d = 0; d < D; d++)
            weight += phi(qs[(row * N + t) * D + d]!) * phi(ks[((b * G + g) * N + j) * D + d]!);
          weight *= scale * decay(g) ** Math.abs(t - j);
          total += weight;
          for (let e = 0; e < E; e++) out[at + e]! += weight * vs[((b * G + g) * N + j) * E + e]!;
        }
        if (normalised) for (let e = 0; e < E; e++) out[at + e]! /= total;
      }
    }
    return out;
  }

  const elu = (x: number): number => (x > 0 ? x + 1 : Math.exp(x));
  const gamma = (s: number): number => 1 - 2 ** (-5 - s);
  const cases: [string, LinearAttention, (call: LinearInputs) => Float64Array][] = [
    ["eluPlusOne", linear({ map: eluPlusOne(), causal: false }), (call) => explicitly(call, elu, () => 1, true, 1)],
    [
      "eluPlusOne without a normaliser",
      linear({ map: eluPlusOne(), causal: false, normalise: false, scale: 0.5 }),
      (call) => explicitly(call, elu, () => 1, false, 0.5),
    ],
    ["retention", retention({ causal: false, scale: 1 }), (call) => explicitly(call, (x) => x, gamma, false, 1)],
  ];

  describe.each(runtimes)("on $label", ({ runtime }) => {
    test.each(cases)("%s sees tokens before and after, in three forms", async (_, attend, explicit) => {
      for (const [size, lengths] of [
        [sizes, undefined],
        [sizes, [0, 33]],
        [long, undefined],
      ] as const) {
        const call = inputsOf(size, {}, { seed: 6, lengths, layout: "bnhd" });
        const want = explicit(call);
        const out = tensor(new Float32Array(want.length).fill(NaN), {
          shape: [size.batch, size.heads, size.tokens, size.valueDim],
        });
        await attend.forward(call, { runtime, out });
        expect(difference(flattened(out), want)).toBeLessThan(1e-4);
        expect(difference(attend.reference(call).out, want)).toBeLessThan(1e-9);
        if (size === sizes) expect(difference(attend.parallel(call), want)).toBeLessThan(1e-9);
      }
    });

    test("favorPlus takes the maximum of all keys", async () => {
      const attend = linear({ map: favorPlus({ features: 30 }), causal: false });
      const call = inputsOf(sizes, {}, { seed: 7 });
      const { out } = await attend.forward(call, { runtime });
      expect(difference(flattened(out), attend.parallel(call))).toBeLessThan(2e-5);
      expect(difference(flattened(out), attend.reference(call).out)).toBeLessThan(2e-5);
    });
  });

  test("has no state and no decoder", () => {
    const attend = retention({ causal: false });
    const call = inputsOf(sizes, {});
    expect(() => attend.forwardSync(call, { state: true })).toThrow("retention.forwardSync: there is no state");
    expect(() => attend.decoder({ heads: 1, headDim: 4 })).toThrow("retention.decoder: there is no decoder");
    expect(() => attend.state({ heads: 1, headDim: 4 })).toThrow("retention.state: there is no state");
  });
});
