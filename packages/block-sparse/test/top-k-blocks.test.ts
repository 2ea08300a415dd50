import { dense, type AttentionInputs } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { topKBlocks } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { calls, difference, expectSameBits, inputs, numRuns } from "./call-inputs.ts";
import { explicitAttention } from "./explicit-attention.ts";
import {
  expectBlindToFuture,
  expectSelected,
  expectSelectedDecodes,
  offsetOf,
  selects,
  tokensOf,
} from "./selected-checks.ts";

const runtimes = await availableRuntimes();
const blockSizes = fc.record({ blockSize: fc.constantFrom(1, 3, 8, 16, 50), topK: fc.integer({ min: 1, max: 6 }) });

describe.each(runtimes)("MoBA on $label", ({ runtime }) => {
  test("attends to the blocks that it selects, whatever the positions and lengths", async () => {
    await fc.assert(
      fc.asyncProperty(calls, blockSizes, async (call, given) => {
        await expectSelected(topKBlocks(given), call, { causal: true, runtime });
      }),
      { numRuns },
    );
  });

  test("selects the own block and the past ones with the largest gates, where these differ clearly", async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(calls, blockSizes, async (call, given) => {
        const selection = await topKBlocks(given).select(call, { runtime });
        compared += checkGates(call, given, (...pair) => selects(selection, ...pair));
      }),
      { numRuns, seed: 3 },
    );
    expect(compared).toBeGreaterThan(1000);
  });

  test("is defined by these gates in float64", async () => {
    await fc.assert(
      fc.asyncProperty(calls, blockSizes, async (call, given) => {
        const gates = explicitGates(call, given);
        const want = explicitAttention(call, (p, j, h, b) => {
          const row = (b * call.q.heads + h) * call.q.length + p - offsetOf(call, b);
          return (
            j <= p && gates[row]!.slice(0, given.topK).some(({ block }) => block === Math.floor(j / given.blockSize))
          );
        });
        const { out, lse } = topKBlocks(given).reference(call);
        expect(difference(out, want.out)).toBeLessThan(1e-12);
        expect(difference(lse, want.lse)).toBeLessThan(1e-12);
      }),
      { numRuns },
    );
  });

  test("is dense causal attention where topK reaches all blocks", async () => {
    const call = { ...inputs({ batch: 2, queries: 130, keys: 141 }), keyLengths: [141, 77] };
    const want = dense({ causal: true }).reference(call);
    for (const given of [
      { blockSize: 16, topK: 9 },
      { blockSize: 200, topK: 1 },
    ]) {
      const { out, lse, selectedMass } = await topKBlocks(given).forward(call, {
        runtime,
        lse: true,
        selectedMass: true,
      });
      expect(difference(out.data as Float32Array, want.out)).toBeLessThan(1e-5);
      expect(difference(lse, want.lse)).toBeLessThan(1e-5);
      expect(selectedMass.mean).toBeGreaterThan(1 - 1e-5);
    }
  });

  test("decodes to the same rows in any split, with tokens taken back on the way", async () => {
    await fc.assert(
      fc.asyncProperty(
        blockSizes,
        fc.integer({ min: 1, max: 120 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        async (...given) => {
          const [options, length, ends] = given;
          await expectSelectedDecodes(topKBlocks(options), inputs({ queries: length, seed: length }), ends, {
            runtime,
          });
        },
      ),
      { numRuns },
    );
  });

  test("sees and selects inside documents, as if each came alone", async () => {
    const documents = [40, 0, 27, 60];
    const options = { blockSize: 8, topK: 3 };
    const call = inputs({ queries: 127 });
    const { out } = await topKBlocks({ ...options, documents }).forward(call, { runtime });
    const packed = await expectSelected(topKBlocks({ ...options, documents }), call, { causal: true, runtime });
    expect(packed.length).toBe(3);
    let start = 0;
    for (const length of documents) {
      const alone = await topKBlocks(options).forward(tokensOf(call, start, start + length), { runtime });
      for (let h = 0; h < 4; h++) {
        const rows = (data: unknown, at: number) => (data as Float32Array).subarray(at * 8, (at + length) * 8);
        expect(difference(rows(out.data, h * 127 + start), rows(alone.out.data, h * length))).toBeLessThan(1e-6);
      }
      start += length;
    }
  });

  test("is blind to the future, poisoned or not", async () => {
    for (const at of [0, 15, 16, 70]) {
      await expectBlindToFuture(topKBlocks({ blockSize: 16, topK: 4 }), inputs({ queries: 99 }), at, runtime);
    }
  });

  test("gives the same bits at one thread and two", async () => {
    await expectSameBits(topKBlocks({ blockSize: 16, topK: 3 }), inputs({ queries: 700, headDim: 33 }), runtime);
  });
});

/** Compares the selection with the gates; returns for how many queries the choice was clear. */
function checkGates(
  call: AttentionInputs,
  sizes: BlockSizes,
  selected: (b: number, h: number, i: number, key: number) => boolean,
): number {
  const { heads, length } = call.q;
  const { blockSize, topK } = sizes;
  let clear = 0;
  for (const [row, gates] of explicitGates(call, sizes).entries()) {
    if (topK < gates.length && gates[topK - 1]!.gate - gates[topK]!.gate < 1e-4) continue;
    clear++;
    const [i, h, b] = [row % length, Math.floor(row / length) % heads, Math.floor(row / length / heads)];
    for (const [place, { block }] of gates.entries()) {
      expect(selected(b, h, i, block * blockSize)).toBe(place < topK);
    }
  }
  return clear;
}

interface BlockSizes {
  readonly blockSize: number;
  readonly topK: number;
}

/** Blocks that a query may choose, by descending gate: q . k summed over the keys of the block, over their number. The own block is first. */
function explicitGates(
  { q, k, ...call }: AttentionInputs,
  { blockSize }: BlockSizes,
): { block: number; gate: number }[][] {
  const [qs, ks, D] = [q.data as Float32Array, k.data as Float32Array, q.width];
  return Array.from({ length: q.batch * q.heads * q.length }, (_, row) => {
    const [i, h, b] = [row % q.length, Math.floor(row / q.length) % q.heads, Math.floor(row / q.length / q.heads)];
    const keys = call.keyLengths?.[b] ?? k.length;
    const group = b * k.heads + Math.floor((h * k.heads) / q.heads);
    const own = Math.floor((i + offsetOf({ q, k, ...call }, b)) / blockSize);
    const gates: { block: number; gate: number }[] = [];
    for (let block = 0; block <= own && block * blockSize < keys; block++) {
      const end = Math.min(keys, (block + 1) * blockSize);
      let sum = 0;
      for (let j = block * blockSize; j < end; j++) {
        for (let d = 0; d < D; d++) sum += qs[row * D + d]! * ks[(group * k.length + j) * D + d]!;
      }
      gates.push({ block, gate: block === own ? Infinity : sum / (end - block * blockSize) });
    }
    return gates.sort((x, y) => y.gate - x.gate);
  });
}
