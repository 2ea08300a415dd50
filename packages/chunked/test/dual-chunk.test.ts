import { dense, score, tensor, type AttentionInputs } from "@saccade/core";
import { rope } from "@saccade/positions";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dualChunkTurning } from "../src/dual-chunk.ts";
import { dualChunk } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { difference, expectDecodes, expectSame, expectSameBits, inputs, numRuns, offsets } from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";

const runtimes = await availableRuntimes();
const rotary = rope({ dim: 16 });

const sizes = fc
  .tuple(fc.integer({ min: 1, max: 60 }), fc.nat())
  .map(([chunk, local]) => ({ chunk, local: local % chunk }));

test("positions are those computed by hand", () => {
  // L = 10, W = 4: cycles of 6. A score sees the query's number minus the key's.
  const { key, queries } = dualChunkTurning(rotary, 10, 6);
  const places = Array.from({ length: 14 }, (_, position) => position);
  expect(places.map(key)).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1]);
  expect(places.map(queries[0]!)).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 0, 1]);
  expect(places.map(queries[1]!)).toEqual([6, 7, 8, 9, 10, 10, 6, 7, 8, 9, 10, 10, 6, 7]);
  expect(places.map(queries[2]!)).toEqual([10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10]);
  // Cycles longer than half of L stop at L, shorter ones at their second end.
  expect(dualChunkTurning(rotary, 10, 4).queries[2]!(99)).toBe(7);
});

test("distances are those computed by hand", () => {
  const at = (length: number): number[] => distances(length, 10, 4);
  expect(at(6)).toEqual([5, 4, 3, 2, 1, 0]);
  expect(at(7)).toEqual([6, 5, 4, 3, 2, 1, 0]);
  // The query at 11 has place 5 in its cycle, and meets the one before at 10: true distances up to W - 1 only.
  expect(at(12)).toEqual([10, 9, 8, 7, 6, 5, 5, 4, 3, 2, 1, 0]);
  // The one at 13 meets the last cycle but one at 10, the last at 7, its own at 1.
  expect(at(14)).toEqual([10, 9, 8, 7, 6, 5, 7, 6, 5, 4, 3, 2, 1, 0]);
});

describe.each(runtimes)("dualChunk on $label", ({ runtime }) => {
  test("sees distances through its rotations: one pair of numbers tells them", async () => {
    // Scores are cos(distance): q and k are (1, 0), turned by one radian a position.
    const turn = rope({ dim: 2 });
    const ones = (length: number) =>
      tensor(
        Float32Array.from({ length: 2 * length }, (_, i) => 1 - (i % 2)),
        { shape: [1, 1, length, 2] },
      );
    for (const length of [6, 7, 12, 14]) {
      const values = tensor(
        Float32Array.from({ length: length * length }, (_, i) => (i % (length + 1) === 0 ? 1 : 0)),
        { shape: [1, 1, length, length] },
      );
      const call = { q: { ...ones(1) }, k: ones(length), v: values };
      const { out } = await dualChunk({ chunk: 10, local: 4, rotary: turn, scale: 1 }).forward(call, { runtime });
      const weights = distances(length, 10, 4).map((apart) => Math.exp(Math.cos(apart)));
      const sum = weights.reduce((a, b) => a + b, 0);
      expect(
        difference(
          out.data as Float32Array,
          weights.map((weight) => weight / sum),
        ),
      ).toBeLessThan(1e-6);
    }
  });

  test("is what explicit loops over the published positions give", async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.constantFrom({ kvHeads: 2, valueDim: 8 }, { kvHeads: 1, valueDim: 11 }, { kvHeads: 4, valueDim: 16 }),
        fc.integer({ min: 1, max: 120 }),
        fc.integer({ min: 1, max: 150 }),
        offsets,
        async ({ chunk, local }, shape, queries, keys, queryOffset) => {
          const call = { ...inputs({ batch: 2, queries, keys, seed: keys, ...shape }), queryOffset };
          await expectSame(dualChunk({ chunk, local, rotary }), call, explicitDual(call, chunk, local), runtime);
        },
      ),
      { numRuns },
    );
  });

  test("gives the same rows from a decoder, however the tokens are split", async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        async (given, queries, ends) => {
          const attend = dualChunk({
            ...given,
            rotary,
            score: score`s * (1 + 0.001 * q)`,
            learnedSinks: [0, 1, -1, 2],
          });
          await expectDecodes(attend, inputs({ queries, seed: queries }), ends, { runtime, capacity: 200 });
        },
      ),
      { numRuns },
    );
  });

  test("over long cycles is what explicit loops give, in batches whose cycles end elsewhere too", async () => {
    const shape = { batch: 2, heads: 2, kvHeads: 1, queries: 500, keys: 800 };
    const call = { ...inputs(shape), queryOffset: [300, 131] };
    const want = explicitDual(call, 250, 60);
    const { out } = await dualChunk({ chunk: 250, local: 60, rotary }).forward(call, { runtime });
    expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
  });

  test("of a text within one cycle is causal attention with turned queries and keys", async () => {
    const call = inputs({ queries: 300 });
    const { out } = await dualChunk({ chunk: 400, local: 100, rotary }).forward(call, { runtime });
    const [q, k] = [rotary.rotateSync(call.q).out, rotary.rotateSync(call.k).out];
    const causal = await dense({ causal: true }).forward({ ...call, q, k }, { runtime });
    expect(difference(out.data as Float32Array, causal.out.data as Float32Array)).toBeLessThan(1e-6);
  });

  test("has the same bits at one thread and two", async () => {
    const attend = dualChunk({ chunk: 800, local: 100, rotary });
    await expectSameBits(attend, inputs({ queries: 2500 }), runtime);
  });
});

test("with the numbers of the paper never exceeds its pretraining length", () => {
  // Section 3 of An et al. 2024: cycles of s = 6, a pretraining length of 10, so that positions end at 9.
  const { key, queries } = dualChunkTurning(rotary, 9, 6);
  const places = Array.from({ length: 12 }, (_, position) => position);
  expect(places.map(key)).toEqual([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]);
  expect(places.map(queries[1]!).slice(0, 6)).toEqual([6, 7, 8, 9, 9, 9]);
  expect(queries[2]!(11)).toBe(9);
});

test("visits what causal attention visits, but for blocks that end with cycles", () => {
  const shape = { heads: 8, queries: 8192, headDim: 64 };
  const plan = dualChunk({ chunk: 2048, local: 512, rotary: rope({ dim: 64 }) }).plan(shape);
  const causal = dense({ causal: true }).plan(shape);
  expect(plan.visiblePairs).toBe(causal.visiblePairs);
  expect(plan.visitedPairs / causal.visitedPairs).toBeLessThan(1.02);
});

test.each([
  [{ chunk: 0, local: 0, rotary }, "dualChunk: chunk is 0"],
  [{ chunk: 8, local: 8, rotary }, "dualChunk: local is 8, expected an integer in 0..L - 1 = 7"],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => dualChunk(given)).toThrow(message);
});

test("what turns nothing is refused", () => {
  expect(() => dualChunk({ chunk: 8, local: 2, rotary: {} as typeof rotary })).toThrow("dualChunk: rotary is a Object");
});

/** Distances that the last of some tokens sees, by the three cases of the paper and the sizes of vLLM. */
function distances(length: number, chunk: number, local: number): number[] {
  const p = length - 1;
  return Array.from({ length }, (_, j) => distance(p, j, chunk, local));
}

function distance(p: number, j: number, chunk: number, local: number): number {
  const c = chunk - local;
  const apart = Math.floor(p / c) - Math.floor(j / c);
  if (apart === 0) return p - j;
  if (apart === 1) return Math.min((p % c) + c, chunk) - (j % c);
  return Math.min(2 * c - 1, chunk) - (j % c);
}

const frequencies = Array.from({ length: 8 }, (_, i) => 10_000 ** (-i / 8));

/** A score of a pair depends on the distance that its rotations leave: sum over pairs of numbers of a turn by it. */
function explicitDual(call: AttentionInputs, chunk: number, local: number): ReturnType<typeof explicitAttention> {
  return explicitAttention(call, {
    times: ({ p, j }) => (j <= p ? 1 : 0),
    scoreOf: ({ p, j, query, key }) => {
      const apart = distance(p, j, chunk, local);
      let sum = 0;
      for (let i = 0; i < 8; i++) {
        const angle = apart * frequencies[i]!;
        const along = query[i]! * key[i]! + query[i + 8]! * key[i + 8]!;
        const across = query[i]! * key[i + 8]! - query[i + 8]! * key[i]!;
        sum += along * Math.cos(angle) + across * Math.sin(angle);
      }
      return sum / 4;
    },
  });
}
