import { dense, tensor, type AttentionInputs } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { estimateVerticalSlash, oracleBlocks, perHead, verticalSlash, type VerticalSlashLists } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { calls, difference, expectSameBits, inputs, numRuns } from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";
import { normal } from "./normal.ts";
import { randomSelection } from "./random-selection.ts";
import { offsetOf } from "./selected-checks.ts";

const runtimes = await availableRuntimes();
const options = fc.record({
  lastQueries: fc.integer({ min: 1, max: 80 }),
  verticals: fc.integer({ min: 0, max: 60 }),
  slashes: fc.integer({ min: 0, max: 60 }),
});
type Options = typeof options extends fc.Arbitrary<infer T> ? T : never;

const on = ({ verticals, slashes }: VerticalSlashLists, p: number, j: number): boolean =>
  j <= p && (verticals.includes(j) || slashes.includes(p - j));

describe.each(runtimes)("columns and diagonals of a prompt on $label", ({ runtime }) => {
  test("are what the call attends to, whatever the positions and lengths", async () => {
    await fc.assert(
      fc.asyncProperty(calls, options, async (call, given) => {
        const attend = estimateVerticalSlash(given);
        const estimate = await attend.estimate(call, { runtime });
        const want = explicitAttention(call, (p, j, h, b) => on(estimate[b]![h]!, p, j));
        for (const got of [
          await attend.forward(call, { runtime, lse: true }),
          attend.forwardSync(call, { runtime, lse: true }),
        ]) {
          expect(got.estimate).toEqual(estimate);
          expect(difference(got.out.data as Float32Array, want.out)).toBeLessThan(1e-5);
          expect(difference(got.lse, want.lse)).toBeLessThan(1e-5);
          expect(got.selected.visiblePairs).toBe(want.pairs);
          expect(got.selected.visitedPairs).toBeGreaterThanOrEqual(want.pairs);
        }
        const exact = attend.reference(call, { estimate });
        expect(difference(exact.out, want.out)).toBeLessThan(1e-12);
        expect(difference(exact.lse, want.lse)).toBeLessThan(1e-12);
      }),
      { numRuns },
    );
  });

  test("are the forced ones and those with the largest sums of the last queries' weights, where these differ clearly", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(calls, options, async (call, given) => {
        const estimate = await estimateVerticalSlash(given).estimate(call, { runtime });
        for (const [b, heads] of estimate.entries()) {
          for (const [h, lists] of heads.entries()) {
            const sums = explicitSums(call, given, b, h);
            for (const what of ["verticals", "slashes"] as const) {
              const ranked = sums[what];
              const count = Math.min(given[what], ranked.length);
              expect(lists[what].length).toBe(count);
              expect([...lists[what]].sort((x, y) => x - y)).toEqual(lists[what]);
              if (count < ranked.length && count > 0 && ranked[count - 1]!.sum - ranked[count]!.sum < 1e-4) continue;
              compared++;
              const want = ranked.slice(0, count).map(({ index }) => index);
              expect(lists[what]).toEqual(want.sort((x, y) => x - y));
            }
          }
        }
      }),
      { numRuns, seed: 3 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  test("found in float64 define the reference", () => {
    fc.assert(
      fc.property(calls, options, (call, given) => {
        const lists = Array.from({ length: 2 }, (_, b) =>
          Array.from({ length: call.q.heads }, (_head, h) => {
            const sums = explicitSums(call, given, b, h);
            const taken = (what: "verticals" | "slashes") => sums[what].slice(0, given[what]).map(({ index }) => index);
            return { verticals: taken("verticals"), slashes: taken("slashes") };
          }),
        );
        const want = explicitAttention(call, (p, j, h, b) => on(lists[b]![h]!, p, j));
        const { out, lse } = estimateVerticalSlash(given).reference(call);
        expect(difference(out, want.out)).toBeLessThan(1e-12);
        expect(difference(lse, want.lse)).toBeLessThan(1e-12);
      }),
      { numRuns },
    );
  });

  test("are all of them where there are no more, and then attention is dense", async () => {
    const call = inputs({ queries: 150 });
    const want = dense({ causal: true }).reference(call);
    for (const given of [
      { verticals: 150, slashes: 0 },
      { verticals: 0, slashes: 150 },
      { verticals: 150, slashes: 40 },
    ]) {
      const attend = estimateVerticalSlash(given);
      const { out, selectedMass } = await attend.forward(call, { runtime, selectedMass: { samples: 20 } });
      expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
      expect(selectedMass.mean).toBeGreaterThan(1 - 1e-5);
    }
  });

  test("that were planted are found, head by head, and hold most of the mass", async () => {
    const [N, D] = [1024, 16];
    const q = normal(2 * N * D, 3).map((x) => 0.1 * x);
    const k = normal(2 * N * D, 4).map((x) => 0.1 * x);
    // Head 0 asks for columns 100 and 611; head 1 for the key 200 positions before, by a direction of its own for every position.
    for (let n = 0; n < N; n++) {
      q[n * D] = 20;
      if (n === 100 || n === 611) k[n * D] = 2;
      const turn = (2 * Math.PI * n) / 97;
      q.set(
        [30 * Math.cos(turn - (2 * Math.PI * 200) / 97), 30 * Math.sin(turn - (2 * Math.PI * 200) / 97)],
        (N + n) * D,
      );
      k.set([3 * Math.cos(turn), 3 * Math.sin(turn)], (N + n) * D);
    }
    const shape = [1, 2, N, D] as const;
    const call = { q: tensor(q, { shape }), k: tensor(k, { shape }), v: tensor(normal(2 * N * D, 5), { shape }) };
    const attend = estimateVerticalSlash({ verticals: 32, slashes: 40 });
    const { estimate, selectedMass } = await attend.forward(call, { runtime, selectedMass: true });
    expect(estimate[0]![0]!.verticals.slice(-2)).toEqual([100, 611]);
    // The same direction comes back every 97 positions.
    expect(estimate[0]![1]!.slashes).toEqual(expect.arrayContaining([6, 103, 200, 297, 394, 491, 588, 685, 782, 879]));
    const all = { samples: N };
    const { mean } = (await attend.forward(call, { runtime, selectedMass: all })).selectedMass;
    expect(Math.abs(mean - selectedMass.mean)).toBeLessThan(0.1);
    const oracle = await oracleBlocks({ blockSize: 1, topK: 72 }).forward(call, { runtime, selectedMass: all });
    const random = await randomSelection(1, 72).forward(call, { runtime, selectedMass: all });
    expect(mean).toBeGreaterThan(random.selectedMass.mean + 0.2);
    expect(mean).toBeLessThanOrEqual(oracle.selectedMass.mean + 1e-6);
  });

  test("can be stored, and run by head later", async () => {
    const call = inputs({ queries: 200 });
    const { out, estimate } = await estimateVerticalSlash({ verticals: 35, slashes: 33 }).forward(call, { runtime });
    const stored = JSON.parse(JSON.stringify(estimate)) as typeof estimate;
    const later = await perHead(stored[0]!.map((lists) => verticalSlash(lists))).forward(call, { runtime });
    expect(later.out.data).toEqual(out.data);
  });

  test("give the same bits at one thread and two", async () => {
    const attend = estimateVerticalSlash({ verticals: 40, slashes: 40 });
    await expectSameBits(attend, inputs({ queries: 700, headDim: 33 }), runtime);
  });
});

test("a plan counts the rows that estimating takes, and knows that it is not exact", () => {
  const attend = estimateVerticalSlash({ verticals: 40, slashes: 35 });
  const plan = attend.plan({ heads: 4, queries: 500, headDim: 16 });
  expect(plan.exact).toBe(false);
  expect(plan.selecting.flops).toBe(4 * 16 * 4 * 64 * 500);
  const forced = 30 * 500 - (29 * 30) / 2;
  expect(plan.visiblePairs).toBeGreaterThan(4 * forced);
  expect(plan.visiblePairs).toBeLessThan((4 * 500 * 501) / 2);
});

test.each([
  [{ verticals: -1, slashes: 1 }, "estimateVerticalSlash: verticals is -1, expected an integer in 0..2^30"],
  [{ verticals: 1, slashes: 1.5 }, "estimateVerticalSlash: slashes is 1.5, expected an integer in 0..2^30"],
  [{ verticals: 1, slashes: 1, lastQueries: 0 }, "estimateVerticalSlash: lastQueries is 0, expected an integer in 1.."],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => estimateVerticalSlash(given)).toThrow(message);
});

/** Columns and diagonals of a head by their sums, the largest first, forced ones before all. */
function explicitSums(call: AttentionInputs, { lastQueries }: Options, b: number, h: number) {
  const { q, k } = call;
  const [N, D] = [q.length, q.width];
  const [qs, ks] = [q.data as Float32Array, k.data as Float32Array];
  const keys = call.keyLengths?.[b] ?? k.length;
  const first = offsetOf(call, b);
  const columns = new Float64Array(keys);
  const diagonals = new Float64Array(Math.max(0, first + N));
  for (let i = Math.max(0, N - lastQueries); i < N; i++) {
    const weights: number[] = [];
    for (let j = 0; j < keys && j <= i + first; j++) {
      let score = 0;
      for (let d = 0; d < D; d++) {
        const g = Math.floor((h * k.heads) / q.heads);
        score += qs[((b * q.heads + h) * N + i) * D + d]! * ks[((b * k.heads + g) * k.length + j) * D + d]!;
      }
      weights.push(Math.exp(score / Math.sqrt(D)));
    }
    const sum = weights.reduce((all, weight) => all + weight, 0);
    for (const [j, weight] of weights.entries()) {
      columns[j]! += weight / sum;
      diagonals[i + first - j]! += weight / sum;
    }
  }
  const ranked = (sums: Float64Array) =>
    Array.from(sums, (sum, index) => ({ index, sum: index < 30 ? Infinity : sum })).sort((x, y) =>
      x.sum === y.sum ? x.index - y.index : y.sum - x.sum,
    );
  return { verticals: ranked(columns), slashes: ranked(diagonals) };
}
