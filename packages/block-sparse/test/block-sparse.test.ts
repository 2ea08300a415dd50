import { dense, mask, type BlockList } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blockSparse } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import {
  calls,
  difference,
  expectDeafTo,
  expectDecodes,
  expectDefined,
  expectSameBits,
  inputs,
  numRuns,
} from "./call-inputs.ts";
import { names, randomBlocks } from "./random-blocks.ts";

const runtimes = await availableRuntimes();
const densities = [0, 0.1, 0.3, 0.7, 1];
/** Rows and columns of lists that fit every call of `calls`. */
const ENOUGH = 240;

describe.each(runtimes)("a block list on $label", ({ runtime }) => {
  test("shows the pairs of its blocks, for all heads, by head, and by batch element and head", async () => {
    await fc.assert(
      fc.asyncProperty(
        calls,
        fc.integer({ min: 1, max: 80 }),
        fc.constantFrom(...densities),
        fc.constantFrom("one", "heads", "all"),
        fc.boolean(),
        async (call, blockSize, density, which, causal) => {
          const size = Math.ceil(ENOUGH / blockSize);
          const list = (seed: number): BlockList => randomBlocks(size, size, density, seed);
          const lists = [0, 1].map((b) => [0, 1, 2, 3].map((h) => list(4 * b + h)));
          const blocks = which === "one" ? lists[0]![0]! : which === "heads" ? lists[0]! : lists;
          const at = (b: number, h: number): BlockList => lists[which === "all" ? b : 0]![which === "one" ? 0 : h]!;
          await expectDefined(
            blockSparse({ blocks, blockSize, causal }),
            call,
            (p, j, h, b) =>
              (!causal || j <= p) && names(at(b, h), Math.floor(p / blockSize), Math.floor(j / blockSize)),
            runtime,
          );
        },
      ),
      { numRuns: 2 * numRuns },
    );
  });

  test("shows of its blocks what a mask shows", async () => {
    const shown = mask`(q + k + h) % 3 != 0`;
    await fc.assert(
      fc.asyncProperty(calls, fc.constantFrom(1, 16, 50), fc.constantFrom(...densities), async (call, C, density) => {
        const list = randomBlocks(Math.ceil(ENOUGH / C), Math.ceil(ENOUGH / C), density, C);
        await expectDefined(
          blockSparse({ blocks: list, blockSize: C, mask: shown }),
          call,
          (p, j, h) => names(list, Math.floor(p / C), Math.floor(j / C)) && (((p + j + h) % 3) + 3) % 3 !== 0,
          runtime,
        );
      }),
      { numRuns },
    );
  });

  test("of density 1 is dense attention", async () => {
    for (const [queries, keys, C] of [
      [1, 1, 1],
      [64, 128, 16],
      [113, 203, 64],
      [799, 3, 32],
      [300, 299, 7],
    ] as const) {
      const call = inputs({ queries, keys });
      const size = Math.ceil(Math.max(queries, keys) / C);
      for (const causal of [false, true]) {
        const attend = blockSparse({ blocks: randomBlocks(size, size, 1, 1), blockSize: C, causal });
        // Positions before the first key have no block.
        const at = { ...call, queryOffset: Math.max(0, keys - queries) };
        const [listed, all] = await Promise.all([
          attend.forward(at, { runtime, lse: true }),
          dense({ causal }).forward(at, { runtime, lse: true }),
        ]);
        expect(difference(listed.out.data as Float32Array, all.out.data as Float32Array)).toBeLessThan(2e-6);
        expect(difference(listed.lse, all.lse)).toBeLessThan(4e-6);
      }
    }
  });

  test("says the same in smaller blocks", async () => {
    const call = inputs({ queries: 500 });
    const coarse = randomBlocks(4, 4, 0.5, 3);
    const want = await blockSparse({ blocks: coarse, blockSize: 128, causal: true }).forward(call, { runtime });
    for (const parts of [2, 4, 16, 128]) {
      const fine = randomBlocks(4 * parts, 4 * parts, 1, 1, (row, column) =>
        names(coarse, Math.floor(row / parts), Math.floor(column / parts)),
      );
      const { out } = await blockSparse({ blocks: fine, blockSize: 128 / parts, causal: true }).forward(call, {
        runtime,
      });
      expect(difference(out.data as Float32Array, want.out.data as Float32Array)).toBeLessThan(2e-6);
    }
  });

  test("decodes what it prefills", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 200 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.constantFrom(1, 16, 30),
        fc.constantFrom(...densities),
        async (length, ends, C, density) => {
          const size = Math.ceil(200 / C);
          const blocks = [0, 1, 2, 3].map((h) => randomBlocks(size, size, density, 5 + h));
          const attend = blockSparse({ blocks, blockSize: C, causal: true });
          await expectDecodes(attend, inputs({ queries: length }), ends, { runtime, capacity: 200 });
        },
      ),
      { numRuns },
    );
  });

  test("hears nothing of the keys that it hides", async () => {
    const even = randomBlocks(20, 20, 0.6, 9, (_, column) => column % 2 === 0);
    const attend = blockSparse({ blocks: even, blockSize: 16 });
    await expectDeafTo(attend, inputs({ queries: 320 }), (key) => Math.floor(key / 16) % 2 === 1, runtime);
  });

  test("has the same bits at one thread and two", async () => {
    const blocks = [0, 1, 2, 3].map((h) => randomBlocks(40, 40, 0.3, h));
    await expectSameBits(blockSparse({ blocks, blockSize: 64 }), inputs({ queries: 2500 }), runtime);
  });
});

describe.each(runtimes)("a mask on $label", ({ runtime }) => {
  test("is the same whatever block size is asked for", async () => {
    const document = Int32Array.from({ length: 240 }, (_, i) => Math.floor(i / 37));
    const shown = mask`k <= q && (${document}[max(q, 0)] == ${document}[k] || k < 3)`;
    await fc.assert(
      fc.asyncProperty(
        calls,
        fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
        async (call, blockSize) => {
          await expectDefined(
            blockSparse({ mask: shown, blockSize }),
            call,
            (p, j) => j <= p && (j < 3 || document[Math.max(p, 0)] === document[j]),
            runtime,
          );
        },
      ),
      { numRuns },
    );
  });
});

test("rows without blocks are 0, their lse is -Infinity", async () => {
  const blocks = { starts: Int32Array.of(0, 1, 1, 2), keyBlocks: Int32Array.of(0, 1) };
  const { out, lse } = await blockSparse({ blocks, blockSize: 10 }).forward(inputs({ queries: 30 }), { lse: true });
  for (let row = 0; row < lse.length; row++) {
    const empty = row % 30 >= 10 && row % 30 < 20;
    expect(Number.isFinite(lse[row])).toBe(!empty);
    if (!empty) continue;
    expect(lse[row]).toBe(-Infinity);
    expect([...(out.data as Float32Array).subarray(row * 8, (row + 1) * 8)]).toEqual(Array(8).fill(0));
  }
});

const list = (starts: number[], keyBlocks: number[]): BlockList => ({
  starts: Int32Array.from(starts),
  keyBlocks: Int32Array.from(keyBlocks),
});

test.each([
  [{}, "blockSparse: expected a mask or blocks, got neither"],
  [{ mask: "k <= q" as never }, 'blockSparse: mask is "k <= q", expected a mask expression'],
  [{ mask: mask`k <= q`, blockSize: 0 }, "blockSparse: blockSize is 0, expected an integer in 1..2^30"],
  [{ blocks: list([0], []) }, "blockSparse: blockSize is missing"],
  [{ blocks: list([0], []), blockSize: 1.5 }, "blockSparse: blockSize is 1.5, expected an integer in 1..2^30"],
  [{ blocks: list([0, 2], [1, 0]), blockSize: 8 }, "blockSparse: blocks is not sorted: 0 follows 1 in row 0"],
  [{ blocks: list([0, 1, 3], [0, 1, 1]), blockSize: 8 }, "blockSparse: blocks lists block 1 twice in row 1"],
  [{ blocks: list([0, 1], [-1]), blockSize: 8 }, "blockSparse: blocks lists block -1 in row 0"],
  [
    { blocks: list([0, 1], [0, 1]), blockSize: 8 },
    "blockSparse: blocks has starts from 0 to 1, expected from 0 to its 2 entries",
  ],
  [
    { blocks: list([0, 2, 1, 2], [0, 1]), blockSize: 8 },
    "blockSparse: blocks has starts that fall from 2 to 1 in row 1",
  ],
  [
    { blocks: [list([0], []), list([0, 2], [3, 3])], blockSize: 8 },
    "blockSparse: blocks[1] lists block 3 twice in row 0",
  ],
  [
    { blocks: [[list([0], [])], []], blockSize: 8 },
    "blockSparse: blocks[1] is a Array, expected a list for every query head",
  ],
  [
    { blocks: { starts: [0], keyBlocks: [] } as never, blockSize: 8 },
    "blockSparse: blocks is a Object, expected { starts, keyBlocks }",
  ],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => blockSparse(given)).toThrow(message);
});

test.each([
  [list([0, 1], [0]), "blockSparse: blocks has 1 rows of 8 positions, expected the 2 that the call's positions need"],
  [list([0, 1, 2], [0, 2]), "blockSparse: blocks lists block 2 of keys, expected blocks below 2"],
  [
    [list([0, 0, 0], []), list([0, 0, 0], [])],
    "blockSparse: blocks has lists for [1][2] batch elements and heads, expected B = 1 and H = 4",
  ],
])("lists that do not fit a call are refused: %#", (blocks, message) => {
  expect(() => blockSparse({ blocks, blockSize: 8 }).forwardSync(inputs({ queries: 12 }))).toThrow(message);
});
