import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PartialResult } from "./attention.ts";
import { dense } from "./dense.ts";
import { merge } from "./merge.ts";
import { tensor } from "./tensor.ts";

const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 10_000 : 200;

const number = fc.float({ min: -4, max: 4, noNaN: true, noDefaultInfinity: true });

interface Inputs {
  readonly queries: number;
  readonly keys: number;
  readonly q: Float32Array;
  readonly k: Float32Array;
  readonly v: Float32Array;
  readonly learnedSinks: Float32Array | undefined;
  readonly cuts: number[];
}

const [B, H, G, D, E] = [2, 4, 2, 5, 3];

/** A call and places to cut its keys; equal cuts make empty parts. */
const calls: fc.Arbitrary<Inputs> = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 40 }))
  .chain(([queries, keys]) => {
    const numbers = (length: number) =>
      fc.array(number, { minLength: length, maxLength: length }).map((values) => Float32Array.from(values));
    return fc.record({
      queries: fc.constant(queries),
      keys: fc.constant(keys),
      q: numbers(B * H * queries * D),
      k: numbers(B * G * keys * D),
      v: numbers(B * G * keys * E),
      learnedSinks: fc.option(numbers(H), { nil: undefined }),
      cuts: fc.array(fc.integer({ min: 0, max: keys }), { minLength: 0, maxLength: 6 }),
    });
  });

/** Partial results over the key ranges between cuts, for causal attention. */
function partialsOf({ queries, keys, q, k, v, cuts }: Inputs): PartialResult[] {
  const ends = [...cuts, keys].sort((a, b) => a - b);
  return ends.map((end, index) => {
    const from = index === 0 ? 0 : ends[index - 1]!;
    const part = (data: Float32Array, width: number) =>
      tensor(data, {
        shape: [B, G, end - from, width],
        offset: from * width,
        strides: { b: G * keys * width, h: keys * width, n: width },
      });
    return dense({ causal: true }).forwardSync(
      {
        q: tensor(q, { shape: [B, H, queries, D] }),
        k: part(k, D),
        v: part(v, E),
        // Positions count from the part's first key.
        queryOffset: keys - queries - from,
      },
      { partial: true, runtime: "reference" },
    );
  });
}

function whole({ queries, keys, q, k, v, learnedSinks }: Inputs) {
  return dense({ causal: true, learnedSinks }).reference({
    q: tensor(q, { shape: [B, H, queries, D] }),
    k: tensor(k, { shape: [B, G, keys, D] }),
    v: tensor(v, { shape: [B, G, keys, E] }),
  });
}

function expectClose(
  given: Pick<PartialResult, "out" | "lse">,
  want: { out: ArrayLike<number>; lse: ArrayLike<number> },
) {
  const out = given.out.data as Float32Array;
  let most = 0;
  for (let i = 0; i < out.length; i++) most = Math.max(most, Math.abs(out[i]! - want.out[i]!));
  for (let i = 0; i < given.lse.length; i++) {
    if (given.lse[i] !== want.lse[i]) most = Math.max(most, Math.abs(given.lse[i]! - want.lse[i]!));
  }
  expect(most).toBeLessThan(1e-5);
}

describe("merge", () => {
  test("of partial results over any split equals one call, learned sinks included", () => {
    fc.assert(
      fc.property(calls, (call) => {
        const { learnedSinks } = call;
        expectClose(merge(partialsOf(call), { learnedSinks }), whole(call));
      }),
      { numRuns },
    );
  });

  test.each([1, 2, 7])("of %i equal splits equals one call, with learned sinks too", (splits) => {
    const keys = 42;
    const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7) * 3);
    const call: Inputs = {
      queries: 5,
      keys,
      q: numbers(B * H * 5 * D),
      k: numbers(B * G * keys * D),
      v: numbers(B * G * keys * E),
      learnedSinks: Float32Array.of(1, -2, 0, 5),
      cuts: Array.from({ length: splits - 1 }, (_, i) => ((i + 1) * keys) / splits),
    };
    expectClose(merge(partialsOf(call), { learnedSinks: call.learnedSinks }), whole(call));
  });

  test("is associative and does not care about the order", () => {
    fc.assert(
      fc.property(calls, fc.nat(), (call, at) => {
        const parts = partialsOf(call);
        const cut = 1 + (at % parts.length);
        const left = merge(parts.slice(0, cut));
        const nested = cut === parts.length ? left : merge([merge(parts.slice(cut)), left]);
        const flat = merge(parts);
        expectClose(nested, { out: flat.out.data as Float32Array, lse: flat.lse });
      }),
      { numRuns },
    );
  });

  test("with empty partial results changes nothing, and is exact", () => {
    fc.assert(
      fc.property(calls, (call) => {
        const [part] = partialsOf({ ...call, cuts: [] }) as [PartialResult];
        const nothing: PartialResult = {
          combine: "lse",
          out: { ...part.out, data: new Float32Array(part.out.data.length).fill(NaN) },
          lse: new Float32Array(part.lse.length).fill(-Infinity),
        };
        const joined = merge([nothing, part, nothing]);
        // The sign of a zero aside.
        const values = (array: Float32Array) => array.map((value) => value + 0);
        expect(values(joined.out.data as Float32Array)).toEqual(values(part.out.data as Float32Array));
        expect(values(joined.lse)).toEqual(values(part.lse));
      }),
      { numRuns },
    );
  });

  test("of rows that no partial saw is 0 with lse -Infinity, or the sink", () => {
    const nothing: PartialResult = {
      combine: "lse",
      out: tensor(new Float32Array(4), { shape: [1, 2, 1, 2] }),
      lse: Float32Array.of(-Infinity, -Infinity),
    };
    expect(merge([nothing, nothing])).toMatchObject({ lse: Float32Array.of(-Infinity, -Infinity), combine: "lse" });
    const { out, lse } = merge([nothing], { learnedSinks: [3, -1] });
    expect(out.data).toEqual(new Float32Array(4));
    expect(lse).toEqual(Float32Array.of(3, -1));
  });

  test("of very large and very small lse neither overflows nor loses the larger", () => {
    const part = (value: number, lse: number): PartialResult => ({
      combine: "lse",
      out: tensor(Float32Array.of(value), { shape: [1, 1, 1, 1] }),
      lse: Float32Array.of(lse),
    });
    expect(merge([part(2, 3e38), part(7, -3e38)]).out.data).toEqual(Float32Array.of(2));
    expect(merge([part(2, 1000), part(4, 1000)]).out.data).toEqual(Float32Array.of(3));
    expect(merge([part(2, -1e4), part(4, -1e4)]).lse[0]).toBeCloseTo(-1e4 + Math.log(2), 2);
  });

  test("keeps NaN in the rows that have it", () => {
    const part = (values: number[], lse: number[]): PartialResult => ({
      combine: "lse",
      out: tensor(Float32Array.from(values), { shape: [1, 1, 2, 1] }),
      lse: Float32Array.from(lse),
    });
    const { out } = merge([part([NaN, 1], [NaN, 0]), part([2, 3], [0, 0])]);
    expect(out.data).toEqual(Float32Array.of(NaN, 2));
  });

  test("joins different layouts, and into a given tensor", () => {
    const lse = Float32Array.of(0, 0, 0, 0);
    const a: PartialResult = {
      combine: "lse",
      out: tensor(Float32Array.of(1, 2, 3, 4), { shape: [1, 2, 2, 1] }),
      lse,
    };
    const b: PartialResult = {
      combine: "lse",
      out: tensor(Float32Array.of(1, 3, 2, 4), { shape: [1, 2, 2, 1], layout: "bnhd" }),
      lse,
    };
    const out = tensor(new Float32Array(6), { shape: [1, 2, 2, 1], offset: 2 });
    expect(merge([a, b], { out }).out).toBe(out);
    expect(out.data).toEqual(Float32Array.of(0, 0, 1, 2, 3, 4));
  });

  test("refuses what it cannot join, by name", () => {
    const part = (shape: [number, number, number, number]): PartialResult => ({
      combine: "lse",
      out: tensor(new Float32Array(shape.reduce((a, b) => a * b)), { shape }),
      lse: new Float32Array(shape[0] * shape[1] * shape[2]),
    });
    expect(() => merge([])).toThrow("merge: expected at least one partial result, got none");
    expect(() => merge([part([1, 2, 3, 4]), part([1, 2, 4, 4])])).toThrow(
      "merge: partials[1] is [B, H, N, E] = [1, 2, 4, 4], partials[0] is [1, 2, 3, 4]",
    );
    expect(() => merge([part([1, 2, 3, 4])], { learnedSinks: [1] })).toThrow(
      "merge: learnedSinks has 1 logits, the partial results have H = 2",
    );
    const gated = { ...part([1, 1, 1, 1]), combine: "gated" } as unknown as PartialResult;
    expect(() => merge([gated])).toThrow('merge: partials[0] has combine "gated", expected "lse"');
    const same = part([1, 1, 1, 1]);
    expect(() => merge([same], { out: same.out })).toThrow("merge: out overlaps an input");
  });
});
