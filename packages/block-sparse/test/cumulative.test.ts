import { dense, type AttentionInputs, type Tensor } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cumulative } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { calls, difference, expectSameBits, inputs, numRuns } from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";
import { expectBlindToFuture, expectSelected, offsetOf, selects } from "./selected-checks.ts";

const runtimes = await availableRuntimes();
const options = fc.record({
  tau: fc.constantFrom(0, 0.3, 0.8, 1),
  blockSize: fc.constantFrom(4, 8, 17),
  queryBlock: fc.constantFrom(4, 16, 24),
  similarity: fc.constantFrom(-1, 0.25, 0.4, 0.9),
  causal: fc.boolean(),
});
interface Given {
  readonly tau: number;
  readonly blockSize: number;
  readonly queryBlock: number;
  readonly similarity: number;
  readonly causal: boolean;
}

describe.each(runtimes)("SpargeAttn on $label", ({ runtime }) => {
  test("attends to the blocks that it selects, whatever the positions and lengths", async () => {
    await fc.assert(
      fc.asyncProperty(calls, options, async (call, given) => {
        await expectSelected(cumulative(given), call, { causal: given.causal, runtime });
      }),
      { numRuns },
    );
  });

  test("keeps the blocks that the published rule keeps, and its float64 definition is that rule", async () => {
    let [kept, left] = [0, 0];
    await fc.assert(
      fc.asyncProperty(calls, options, async (call, given) => {
        const keeps = explicitChoice(call, given);
        const selection = await cumulative(given).select(call, { runtime });
        const { heads, length } = call.q;
        for (let row = 0; row < call.q.batch * heads * length; row++) {
          const [i, h, b] = [row % length, Math.floor(row / length) % heads, Math.floor(row / length / heads)];
          const choice = keeps(b, h, i);
          if (!choice.clear) continue;
          for (let block = 0; block * given.blockSize < call.k.length; block++) {
            expect(selects(selection, b, h, i, block * given.blockSize)).toBe(choice.blocks.has(block));
          }
          kept += choice.blocks.size;
          left += choice.seen - choice.blocks.size;
        }
        const want = explicitAttention(
          call,
          (p, j, h, b) =>
            (!given.causal || j <= p) && keeps(b, h, p - offsetOf(call, b)).blocks.has(Math.floor(j / given.blockSize)),
        );
        const exact = cumulative(given).reference(call);
        expect(difference(exact.out, want.out)).toBeLessThan(1e-12);
        expect(difference(exact.lse, want.lse)).toBeLessThan(1e-12);
      }),
      // Few draws select among many blocks: with these, enough of them do.
      { numRuns, seed: 3 },
    );
    expect(Math.min(kept, left)).toBeGreaterThan(1000);
  });

  test("is dense attention where all mass is asked for, and where no block is similar to itself", async () => {
    const call = { ...inputs({ batch: 2, queries: 130, keys: 141 }), keyLengths: [141, 77] };
    for (const causal of [false, true]) {
      const want = dense({ causal }).reference(call).out;
      for (const given of [
        { tau: 1, similarity: -1 },
        { tau: 0, similarity: 1 },
      ]) {
        const attend = cumulative({ ...given, causal, blockSize: 16, queryBlock: 32 });
        const { out } = await attend.forward(call, { runtime });
        expect(difference(out.data as Float32Array, want)).toBeLessThan(1e-5);
      }
    }
  });

  test("is blind to blocks after a query's own, poisoned or not", async () => {
    const attend = cumulative({ tau: 0.5, blockSize: 16, queryBlock: 32, similarity: -1 });
    for (const at of [31, 63]) await expectBlindToFuture(attend, inputs({ queries: 99 }), at, runtime);
  });

  test("sees and selects inside documents", async () => {
    const attend = cumulative({ tau: 0.5, blockSize: 8, queryBlock: 16, similarity: 0.2, documents: [50, 3, 80] });
    await expectSelected(attend, inputs({ batch: 2, queries: 133 }), { causal: true, runtime });
  });

  test("gives the same bits at one thread and two", async () => {
    await expectSameBits(cumulative({ tau: 0.5, similarity: -1 }), inputs({ queries: 700, headDim: 33 }), runtime);
  });
});

test("has no decoder, for later queries decide as well", () => {
  expect(() => cumulative({ tau: 0.9 }).decoder({ heads: 1, headDim: 8, capacity: 9 })).toThrow(
    "cumulative.decoder: what a query keeps depends on later queries of its block",
  );
});

interface Choice {
  readonly blocks: ReadonlySet<number>;
  readonly seen: number;
  /** Whether rounding cannot change it. */
  readonly clear: boolean;
}

/** Algorithm 1 of the paper by loops, with blocks of queries' own positions kept where attention is causal. */
function explicitChoice(call: AttentionInputs, given: Given): (b: number, h: number, i: number) => Choice {
  const { q, k, keyLengths } = call;
  const known = new Map<string, Choice>();
  return (b, h, i) => {
    const start = Math.floor(i / given.queryBlock) * given.queryBlock;
    const key = [b, h, start].join();
    const choice = known.get(key) ?? decide(b, h, start);
    known.set(key, choice);
    return choice;
  };

  function decide(b: number, h: number, start: number): Choice {
    const g = Math.floor((h * k.heads) / q.heads);
    const keys = keyLengths?.[b] ?? k.length;
    const end = Math.min(q.length, start + given.queryBlock);
    const [first, last] = [start + offsetOf(call, b), end - 1 + offsetOf(call, b)];
    const queries = pool(q, b, h, start, end);
    const blocks: { block: number; score: number; similar: number; own: boolean }[] = [];
    for (let block = 0; block * given.blockSize < keys; block++) {
      const from = block * given.blockSize;
      if (given.causal && from > last) break;
      const { mean, similar } = pool(k, b, g, from, Math.min(keys, from + given.blockSize));
      const score = mean.reduce((sum, x, d) => sum + x * queries.mean[d]!, 0) / Math.sqrt(q.width);
      blocks.push({ block, score, similar, own: given.causal && from + given.blockSize > first });
    }
    const borders = [queries.similar, ...blocks.map(({ similar }) => similar)];
    let clear = borders.every((similar) => Math.abs(similar - given.similarity) > 1e-5);
    const all = new Set(blocks.map(({ block }) => block));
    if (queries.similar < given.similarity) return { blocks: all, seen: all.size, clear };
    const judged = blocks.filter(({ similar }) => similar >= given.similarity);
    const sum = judged.reduce((total, { score }) => total + Math.exp(score), 0);
    const order = [...judged].sort((x, y) => Number(y.own) - Number(x.own) || y.score - x.score);
    const kept = new Set(blocks.filter((each) => !judged.includes(each) || each.own).map(({ block }) => block));
    let mass = 0;
    for (const [place, { block, score, own }] of order.entries()) {
      if (!own && Math.abs(mass - given.tau) < 1e-5) clear = false;
      if (!own && mass >= given.tau) break;
      const next = order[place + 1];
      if (!own && next !== undefined && score - next.score < 1e-4) clear = false;
      kept.add(block);
      mass += Math.exp(score) / sum;
    }
    return { blocks: kept, seen: all.size, clear };
  }
}

/** The mean of tokens, and the mean over all pairs of their cosine similarity. */
function pool(view: Tensor, b: number, h: number, from: number, end: number): { mean: number[]; similar: number } {
  const [data, D] = [view.data as Float32Array, view.width];
  const tokens = Array.from({ length: end - from }, (_, n) => {
    const at = ((b * view.heads + h) * view.length + from + n) * D;
    return [...data.subarray(at, at + D)];
  });
  const product = (x: number[], y: number[]): number => x.reduce((sum, each, d) => sum + each * y[d]!, 0);
  let similar = 0;
  for (const x of tokens) {
    for (const y of tokens) similar += product(x, y) / Math.sqrt(product(x, x) * product(y, y));
  }
  const mean = Array.from({ length: D }, (_, d) => tokens.reduce((sum, x) => sum + x[d]!, 0) / tokens.length);
  return { mean, similar: similar / tokens.length ** 2 };
}
