import { dense, tensor, type AttentionInputs } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { indexTopK, type IndexInputs } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { calls, difference, expectSameBits, inputs, numRuns } from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";
import { normal } from "./normal.ts";
import { expectBlindToFuture, expectSelected, expectSelectedDecodes, offsetOf, selects } from "./selected-checks.ts";

const runtimes = await availableRuntimes();
const J = 3;
const indexDim = 5;

/** A call with an indexer of 3 heads of width 5; weights of both signs. */
function withIndex<I extends AttentionInputs>(call: I, seed = 1): I & IndexInputs {
  const { batch, length } = call.q;
  const numbers = (heads: number, rows: number, width: number, salt: number) =>
    tensor(normal(batch * heads * rows * width, 10 * seed + salt), { shape: [batch, heads, rows, width] });
  return {
    ...call,
    indexQueries: numbers(J, length, indexDim, 4),
    indexKeys: numbers(1, call.k.length, indexDim, 5),
    indexWeights: numbers(J, length, 1, 6),
  };
}

const budgets = fc.constantFrom(1, 2, 7, 30, 200);

describe.each(runtimes)("the indexer on $label", ({ runtime }) => {
  test("attends to the keys that it selects, whatever the positions and lengths", async () => {
    await fc.assert(
      fc.asyncProperty(calls, budgets, async (call, topK) => {
        await expectSelected(indexTopK({ topK, indexDim }), withIndex(call), { causal: true, runtime });
      }),
      { numRuns },
    );
  });

  test("selects the keys with the largest index scores, where these differ clearly, for all heads", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(calls, budgets, async (given, topK) => {
        const call = withIndex(given);
        const selection = await indexTopK({ topK, indexDim }).select(call, { runtime });
        for (const [row, scores] of explicitScores(call).entries()) {
          if (topK < scores.length && scores[topK - 1]!.score - scores[topK]!.score < 1e-5) continue;
          compared++;
          const [i, b] = [row % call.q.length, Math.floor(row / call.q.length)];
          for (const [place, { key }] of scores.entries()) {
            expect(selects(selection, b, key % 4, i, key)).toBe(place < topK);
          }
        }
      }),
      { numRuns, seed: 3 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  test("is defined by these scores in float64", async () => {
    await fc.assert(
      fc.asyncProperty(calls, budgets, async (given, topK) => {
        const call = withIndex(given);
        const scores = explicitScores(call);
        const want = explicitAttention(call, (p, j, _h, b) => {
          const row = b * call.q.length + p - offsetOf(call, b);
          return scores[row]!.slice(0, topK).some(({ key }) => key === j);
        });
        const { out, lse } = indexTopK({ topK, indexDim }).reference(call);
        expect(difference(out, want.out)).toBeLessThan(1e-12);
        expect(difference(lse, want.lse)).toBeLessThan(1e-12);
      }),
      { numRuns },
    );
  });

  test("is dense causal attention where topK reaches all keys", async () => {
    const call = { ...withIndex(inputs({ batch: 2, queries: 60, keys: 71 })), keyLengths: [71, 33] };
    const want = dense({ causal: true }).reference(call);
    const { out, selectedMass } = await indexTopK({ topK: 71, indexDim }).forward(call, {
      runtime,
      selectedMass: true,
    });
    expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
    expect(selectedMass.mean).toBeGreaterThan(1 - 1e-5);
  });

  test("decodes to the same rows in any split, with tokens taken back on the way", async () => {
    await fc.assert(
      fc.asyncProperty(
        budgets,
        fc.integer({ min: 1, max: 90 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        async (topK, N, ends) => {
          const call = withIndex(inputs({ queries: N, seed: N }), N);
          await expectSelectedDecodes(indexTopK({ topK, indexDim }), call, ends, { runtime });
        },
      ),
      { numRuns },
    );
  });

  test("sees and selects inside documents", async () => {
    const call = withIndex(inputs({ batch: 2, queries: 80 }));
    await expectSelected(indexTopK({ topK: 5, indexDim, documents: [30, 1, 60] }), call, { causal: true, runtime });
  });

  test("is blind to the future, poisoned or not", async () => {
    for (const at of [0, 15, 70]) {
      await expectBlindToFuture(indexTopK({ topK: 9, indexDim }), withIndex(inputs({ queries: 99 })), at, runtime);
    }
  });

  test("gives the same bits at one thread and two", async () => {
    await expectSameBits(indexTopK({ topK: 40, indexDim }), withIndex(inputs({ queries: 300, headDim: 33 })), runtime);
  });
});

test("an indexer that does not fit the call is an error", async () => {
  const call = withIndex(inputs({ queries: 8 }));
  await expect(indexTopK({ topK: 2 }).forward(call)).rejects.toThrow(
    "indexTopK.forward: indexQueries is [1, 3, 8, 5], expected [1, 3, 8, 128]",
  );
  await expect(indexTopK({ topK: 2, indexDim }).forward({ ...call, indexWeights: call.indexKeys })).rejects.toThrow(
    "indexTopK.forward: indexWeights is [1, 1, 8, 5], expected [1, 3, 8, 1]",
  );
});

/** For every (b, i) the keys that it sees, by descending index score, of equal ones the lower first. */
function explicitScores(call: AttentionInputs & IndexInputs): { key: number; score: number }[][] {
  const { q, k, keyLengths } = call;
  const [qs, ks, ws] = [call.indexQueries, call.indexKeys, call.indexWeights].map(({ data }) => data as Float32Array);
  return Array.from({ length: q.batch * q.length }, (_, row) => {
    const [i, b] = [row % q.length, Math.floor(row / q.length)];
    const scores: { key: number; score: number }[] = [];
    for (let key = 0; key < (keyLengths?.[b] ?? k.length) && key <= i + offsetOf(call, b); key++) {
      let score = 0;
      for (let j = 0; j < J; j++) {
        let product = 0;
        const head = (b * J + j) * q.length + i;
        for (let d = 0; d < indexDim; d++)
          product += qs![head * indexDim + d]! * ks![(b * k.length + key) * indexDim + d]!;
        if (product > 0) score += ws![head]! * product;
      }
      scores.push({ key, score });
    }
    return scores.sort((x, y) => y.score - x.score || x.key - y.key);
  });
}
