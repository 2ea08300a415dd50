import { dense, type AttentionInputs } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { pageSelect } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { calls, difference, expectSameBits, inputs, numRuns } from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";
import { needles, retrieved } from "./needles.ts";
import {
  expectBlindToFuture,
  expectSelected,
  expectSelectedDecodes,
  offsetOf,
  selects,
  tokensOf,
} from "./selected-checks.ts";

const runtimes = await availableRuntimes();
const options = fc.record({
  pageSize: fc.constantFrom(1, 3, 8, 16, 50),
  budget: fc.integer({ min: 1, max: 120 }),
  perQueryHead: fc.boolean(),
});
type Options = typeof options extends fc.Arbitrary<infer T> ? T : never;
const pagesOf = ({ pageSize, budget }: Options) => Math.max(3, Math.floor(budget / pageSize));

describe.each(runtimes)("Quest on $label", ({ runtime }) => {
  test("attends to the pages that it selects, whatever the positions and lengths", async () => {
    await fc.assert(
      fc.asyncProperty(calls, options, async (call, given) => {
        await expectSelected(pageSelect(given), call, { causal: true, runtime });
      }),
      { numRuns },
    );
  });

  test("selects the own page and those with the largest bounds, where these differ clearly", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(calls, options, async (call, given) => {
        const selection = await pageSelect(given).select(call, { runtime });
        const pages = pagesOf(given);
        for (const [row, bounds] of explicitBounds(call, given).entries()) {
          if (pages < bounds.length && bounds[pages - 1]!.bound - bounds[pages]!.bound < 1e-4) continue;
          compared++;
          const [b, h, i] = placeOf(row, call);
          for (const [place, { page }] of bounds.entries()) {
            expect(selects(selection, b, h, i, page * given.pageSize)).toBe(place < pages);
          }
        }
      }),
      { numRuns, seed: 3 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  test("is defined by these bounds in float64", async () => {
    await fc.assert(
      fc.asyncProperty(calls, options, async (call, given) => {
        const bounds = explicitBounds(call, given);
        const want = explicitAttention(call, (p, j, h, b) => {
          const row = (b * call.q.heads + h) * call.q.length + p - offsetOf(call, b);
          const taken = bounds[row]!.slice(0, pagesOf(given));
          return j <= p && taken.some(({ page }) => page === Math.floor(j / given.pageSize));
        });
        const { out, lse } = pageSelect(given).reference(call);
        expect(difference(out, want.out)).toBeLessThan(1e-12);
        expect(difference(lse, want.lse)).toBeLessThan(1e-12);
      }),
      { numRuns },
    );
  });

  test("is dense causal attention where the budget is all tokens", async () => {
    const call = { ...inputs({ batch: 2, queries: 130, keys: 141 }), keyLengths: [141, 77] };
    const want = dense({ causal: true }).reference(call);
    for (const perQueryHead of [false, true]) {
      for (const given of [
        { pageSize: 16, budget: 144 },
        { pageSize: 70, budget: 1 },
      ]) {
        const attend = pageSelect({ ...given, perQueryHead });
        const { out, lse, selectedMass } = await attend.forward(call, { runtime, lse: true, selectedMass: true });
        expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
        expect(difference(lse, want.lse)).toBeLessThan(1e-5);
        expect(selectedMass.mean).toBeGreaterThan(1 - 1e-5);
      }
    }
  });

  test("steps as it prefills, in any split, with tokens taken back on the way", async () => {
    await fc.assert(
      fc.asyncProperty(
        options,
        fc.constantFrom("f32", "f16", "i8"),
        fc.integer({ min: 1, max: 120 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        async (given, dtype, length, ends) => {
          const call = inputs({ queries: length, seed: length });
          if (dtype === "f32") await expectSelectedDecodes(pageSelect(given), call, ends, { runtime });
          else await expectSplitless(given, dtype, call, ends);
        },
      ),
      { numRuns },
    );
  });

  /** Stored keys are rounded, and so are the bounds of pages: all tokens at once, or one by one, are the same. */
  async function expectSplitless(given: Options, dtype: "f16" | "i8", call: AttentionInputs, ends: readonly number[]) {
    const { q, k, v } = call;
    const sizes = { heads: q.heads, kvHeads: k.heads, headDim: q.width, valueDim: v.width, capacity: q.length };
    await using whole = pageSelect(given).decoder({ ...sizes, dtype, runtime });
    await using split = pageSelect(given).decoder({ ...sizes, dtype, runtime });
    const { out } = await whole.append({ q, k, v });
    let from = 0;
    for (const to of [...ends.map((end) => end % (q.length + 1)), q.length].sort((a, b) => a - b)) {
      const part = split.appendSync(tokensOf(call, from, to)).out.data as Float32Array;
      for (let h = 0; h < q.heads; h++) {
        const want = (out.data as Float32Array).subarray(
          (h * q.length + from) * v.width,
          (h * q.length + to) * v.width,
        );
        const rows = (to - from) * v.width;
        expect(difference(part.subarray(h * rows, (h + 1) * rows), want)).toBeLessThan(1e-5);
      }
      from = to;
    }
  }

  test("sees and selects inside documents", async () => {
    const documents = [40, 0, 27, 60];
    const given = { pageSize: 4, budget: 12 };
    const call = inputs({ queries: 127 });
    const packed = await expectSelected(pageSelect({ ...given, documents }), call, { causal: true, runtime });
    expect(packed.map(({ key, keyEnd }) => [key, keyEnd])).toEqual([
      [0, 40],
      [40, 67],
      [67, 127],
    ]);
  });

  test("is blind to the future, poisoned or not", async () => {
    for (const at of [0, 15, 16, 70]) {
      await expectBlindToFuture(pageSelect({ pageSize: 16, budget: 48 }), inputs({ queries: 99 }), at, runtime);
    }
  });

  test("gives the same bits at one thread and two", async () => {
    for (const perQueryHead of [false, true]) {
      const attend = pageSelect({ pageSize: 16, budget: 64, perQueryHead });
      await expectSameBits(attend, inputs({ queries: 700, headDim: 33 }), runtime);
    }
  });

  test("finds needles of one key at every depth of 65536", async () => {
    const text = needles({ heads: 1, queries: 100, keys: 65_536, span: 1, within: 128, seed: 5 });
    for (const perQueryHead of [false, true]) {
      const { out } = await pageSelect({ pageSize: 32, budget: 2048, perQueryHead }).forward(text, { runtime });
      expect(Math.min(...retrieved(text, out))).toBeGreaterThanOrEqual(0.95);
    }
  });
});

function placeOf(row: number, { q }: AttentionInputs): [b: number, h: number, i: number] {
  return [Math.floor(row / q.length / q.heads), Math.floor(row / q.length) % q.heads, row % q.length];
}

/** Pages that a query may take, by descending bound; its own is first. */
function explicitBounds(
  call: AttentionInputs,
  { pageSize, perQueryHead }: Options,
): { page: number; bound: number }[][] {
  const { q, k } = call;
  const [qs, ks, D] = [q.data as Float32Array, k.data as Float32Array, q.width];
  const group = q.heads / k.heads;
  return Array.from({ length: q.batch * q.heads * q.length }, (_, row) => {
    const [b, h, i] = placeOf(row, call);
    const keys = call.keyLengths?.[b] ?? k.length;
    const g = Math.floor(h / group);
    const own = Math.floor((i + offsetOf(call, b)) / pageSize);
    const bounds: { page: number; bound: number }[] = [];
    for (let page = 0; page <= own && page * pageSize < keys; page++) {
      let most = -Infinity;
      for (let head = perQueryHead ? h : g * group; head < (perQueryHead ? h + 1 : (g + 1) * group); head++) {
        let sum = 0;
        for (let d = 0; d < D; d++) {
          const x = qs[((b * q.heads + head) * q.length + i) * D + d]!;
          let best = -Infinity;
          for (let j = page * pageSize; j < Math.min(keys, (page + 1) * pageSize); j++) {
            best = Math.max(best, x * ks[((b * k.heads + g) * k.length + j) * D + d]!);
          }
          sum += best;
        }
        most = Math.max(most, sum);
      }
      bounds.push({ page, bound: page === own ? Infinity : most });
    }
    return bounds.sort((x, y) => y.bound - x.bound);
  });
}

test.each([
  [{ pageSize: 0, budget: 64 }, "pageSelect: pageSize is 0, expected an integer in 1..2^30"],
  [{ pageSize: 16, budget: 0.5 }, "pageSelect: budget is 0.5, expected an integer in 1..2^30"],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => pageSelect(given)).toThrow(message);
});

test("tokens that ask for nothing are stored without an answer", async () => {
  const call = inputs({ queries: 90 });
  const attend = pageSelect({ pageSize: 8, budget: 32 });
  const sizes = { heads: 4, kvHeads: 2, headDim: 16, valueDim: 8, capacity: 90 };
  await using whole = attend.decoder(sizes);
  const { out } = await whole.append(call);
  await using decoder = attend.decoder(sizes);
  const none = await decoder.append({ ...tokensOf(call, 0, 40), q: { ...call.q, length: 0 } });
  expect(none.out.length).toBe(0);
  const part = decoder.appendSync({ ...tokensOf(call, 40, 90), q: tokensOf(call, 70, 90).q });
  expect(decoder.length).toBe(90);
  for (let h = 0; h < 4; h++) {
    const rows = (out.data as Float32Array).subarray((h * 90 + 70) * 8, (h + 1) * 90 * 8);
    expect(difference((part.out.data as Float32Array).subarray(h * 160, (h + 1) * 160), rows)).toBeLessThan(1e-5);
  }
  expect(() => decoder.appendSync({ ...tokensOf(call, 0, 1), q: tokensOf(call, 0, 2).q })).toThrow(
    "pageSelect.decoder.appendSync: q has N = 2 tokens, k has 1, expected no more",
  );
});
