import { biasTensor, dense, maskTensor, type AttentionInputs } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { oracleBlocks } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { calls, difference, expectSameBits, inputs, numRuns } from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";
import { normal } from "./normal.ts";
import { expectBlindToFuture, expectSelected, expectSelectedDecodes, offsetOf, selects } from "./selected-checks.ts";

const runtimes = await availableRuntimes();
const sizes = fc.record({
  blockSize: fc.constantFrom(1, 3, 16, 50),
  topK: fc.integer({ min: 1, max: 6 }),
  causal: fc.boolean(),
});

describe.each(runtimes)("the oracle on $label", ({ runtime }) => {
  test("attends to the blocks that it selects, whatever the positions and lengths", async () => {
    await fc.assert(
      fc.asyncProperty(calls, sizes, async (call, given) => {
        await expectSelected(oracleBlocks(given), call, { causal: given.causal, runtime });
      }),
      { numRuns },
    );
  });

  test("selects the blocks with the most softmax mass, where these differ clearly", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(calls, sizes, async (call, given) => {
        const selection = await oracleBlocks(given).select(call, { runtime });
        const { heads, length } = call.q;
        for (const [row, masses] of explicitMasses(call, given).entries()) {
          const [last, next] = [masses[given.topK - 1]?.mass, masses[given.topK]?.mass];
          if (next !== undefined && last! - next < 1e-5 * last!) continue;
          compared++;
          const [i, h, b] = [row % length, Math.floor(row / length) % heads, Math.floor(row / length / heads)];
          for (const [place, { block }] of masses.entries()) {
            expect(selects(selection, b, h, i, block * given.blockSize)).toBe(place < given.topK);
          }
        }
      }),
      { numRuns, seed: 3 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  test("is defined by these masses in float64", async () => {
    await fc.assert(
      fc.asyncProperty(calls, sizes, async (call, given) => {
        const masses = explicitMasses(call, given);
        const want = explicitAttention(call, (p, j, h, b) => {
          const row = (b * call.q.heads + h) * call.q.length + p - offsetOf(call, b);
          const chosen = masses[row]!.slice(0, given.topK);
          return (!given.causal || j <= p) && chosen.some(({ block }) => block === Math.floor(j / given.blockSize));
        });
        const { out, lse } = oracleBlocks(given).reference(call);
        expect(difference(out, want.out)).toBeLessThan(1e-12);
        expect(difference(lse, want.lse)).toBeLessThan(1e-12);
      }),
      { numRuns },
    );
  });

  test("judges by scores after softcap, bias and mask", async () => {
    const [N, M] = [40, 64];
    const call = {
      ...inputs({ queries: N, keys: M }),
      bias: biasTensor(normal(4 * N * M, 9), { shape: [1, 4, N, M] }),
      mask: maskTensor(
        Uint8Array.from(normal(M, 8), (x) => (x > -0.5 ? 1 : 0)),
        { shape: [1, 1, 1, M] },
      ),
    };
    const attend = oracleBlocks({ blockSize: 8, topK: 2, softcap: 3 });
    const [own, random] = [
      await attend.forward(call, { runtime, selectedMass: true }),
      attend.reference(call, { selection: await attend.select(call, { runtime }) }),
    ];
    expect(difference(own.out.data as Float32Array, random.out)).toBeLessThan(1e-5);
    expect(difference(own.out.data as Float32Array, attend.reference(call).out)).toBeLessThan(1e-5);
    const plain = oracleBlocks({ blockSize: 8, topK: 2 });
    const selection = await plain.select({ q: call.q, k: call.k, v: call.v }, { runtime });
    // The choice by bare scores keeps less of what the bias and the mask make of them.
    const bare = attend.reference(call, { selection }).lse;
    const kept = attend.reference(call).lse;
    expect(kept.every((lse, row) => lse >= bare[row]! - 1e-9)).toBe(true);
    expect(kept.some((lse, row) => lse > bare[row]! + 0.1)).toBe(true);
  });

  test("is dense attention where topK reaches all blocks", async () => {
    const call = { ...inputs({ batch: 2, queries: 60, keys: 71 }), keyLengths: [71, 33] };
    for (const causal of [false, true]) {
      const want = dense({ causal }).reference(call);
      const { out } = await oracleBlocks({ blockSize: 10, topK: 8, causal }).forward(call, { runtime });
      expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
    }
  });

  test.each(["f32", "f16", "bf16", "i8"] as const)(
    "decodes to the same rows in any split, by keys in %s",
    async (dtype) => {
      const attend = oracleBlocks({ blockSize: 4, topK: 3 });
      const call = rounded(inputs({ queries: 70 }));
      await expectSelectedDecodes(attend, call, [3, 4, 40], { runtime, dtype });
    },
  );

  test("is blind to the future, poisoned or not", async () => {
    for (const at of [0, 15, 70]) {
      await expectBlindToFuture(oracleBlocks({ blockSize: 8, topK: 3 }), inputs({ queries: 99 }), at, runtime);
    }
  });

  test("gives the same bits at one thread and two", async () => {
    await expectSameBits(oracleBlocks({ blockSize: 8, topK: 4 }), inputs({ queries: 300, headDim: 33 }), runtime);
  });
});

/** Keys and values that every stored type holds exactly: 0 and what is 127 steps of 2^-7, which every row has. */
function rounded({ q, k, v }: AttentionInputs): AttentionInputs {
  const round = (view: typeof k): typeof k => ({
    ...view,
    data: (view.data as Float32Array).map(
      (x, i) => (i % view.width === 0 ? 1 : Math.sign(Math.round(x))) * (127 / 128),
    ),
  });
  return { q, k: round(k), v: round(v) };
}

/** For every (b, h, i) the blocks that it sees, by descending mass. */
function explicitMasses(
  call: AttentionInputs,
  { blockSize, causal }: { readonly blockSize: number; readonly causal: boolean },
): { block: number; mass: number }[][] {
  const { q, k, keyLengths } = call;
  const [qs, ks, D] = [q.data as Float32Array, k.data as Float32Array, q.width];
  return Array.from({ length: q.batch * q.heads * q.length }, (_, row) => {
    const [i, h, b] = [row % q.length, Math.floor(row / q.length) % q.heads, Math.floor(row / q.length / q.heads)];
    const group = b * k.heads + Math.floor((h * k.heads) / q.heads);
    const masses = new Map<number, number>();
    for (let j = 0; j < (keyLengths?.[b] ?? k.length); j++) {
      if (causal && j > i + offsetOf(call, b)) break;
      let product = 0;
      for (let d = 0; d < D; d++) product += qs[row * D + d]! * ks[(group * k.length + j) * D + d]!;
      const block = Math.floor(j / blockSize);
      masses.set(block, (masses.get(block) ?? 0) + Math.exp(product / Math.sqrt(D)));
    }
    return [...masses].map(([block, mass]) => ({ block, mass })).sort((x, y) => y.mass - x.mass || x.block - y.block);
  });
}
