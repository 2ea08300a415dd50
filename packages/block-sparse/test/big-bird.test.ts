import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bigBird, perHead } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { calls, expectDecodes, expectDefined, inputs, numRuns } from "./call-inputs.ts";

const runtimes = await availableRuntimes();

interface Sizes {
  readonly blockSize: number;
  readonly window: number;
  readonly global: number;
  readonly random: number;
  readonly seed: number;
}

/** The generator as it is documented. */
function mulberry(seed: number, row: number): () => number {
  let state = Math.imul(seed ^ Math.imul(row + 1, 0x9e3779b1), 0x85ebca6b) >>> 0;
  state = (state ^ (state >>> 13)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Blocks that a row draws: candidates written out, and Floyd's sampling of their numbers. */
function drawn({ window, global, random, seed }: Sizes, row: number, blocks: number, causal: boolean): number[] {
  const candidates = Array.from({ length: blocks }, (_, j) => j).filter(
    (j) => j >= global && Math.abs(row - j) > (window - 1) / 2 && (!causal || j < row),
  );
  if (candidates.length <= random) return candidates;
  const next = mulberry(seed, row);
  const taken: number[] = [];
  for (let top = candidates.length - random; top < candidates.length; top++) {
    const t = Math.floor(next() * (top + 1));
    taken.push(taken.includes(t) ? top : t);
  }
  return taken.map((t) => candidates[t]!);
}

const sizes: fc.Arbitrary<Sizes> = fc.record({
  blockSize: fc.constantFrom(1, 5, 16, 32),
  window: fc.constantFrom(1, 3, 5),
  global: fc.nat({ max: 3 }),
  random: fc.nat({ max: 4 }),
  seed: fc.integer(),
});

describe.each(runtimes)("bigBird on $label", ({ runtime }) => {
  test("is what explicit loops over its definition give", async () => {
    await fc.assert(
      fc.asyncProperty(sizes, calls, fc.boolean(), async (given, call, causal) => {
        const { blockSize: C, window, global } = given;
        const length = 240;
        const rows = Math.ceil(length / C);
        const random = Array.from({ length: rows }, (_, row) => drawn(given, row, rows, causal));
        await expectDefined(
          bigBird({ ...given, causal, length: causal ? undefined : length }),
          call,
          (p, key) => {
            const [i, j] = [Math.floor(p / C), Math.floor(key / C)];
            if (i < 0 || (causal && key > p)) return false;
            return Math.abs(i - j) <= (window - 1) / 2 || i < global || j < global || random[i]!.includes(j);
          },
          runtime,
        );
      }),
      { numRuns },
    );
  });

  test("decodes what it prefills, alone and by head", async () => {
    await fc.assert(
      fc.asyncProperty(
        sizes,
        fc.integer({ min: 1, max: 160 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.boolean(),
        async (given, length, ends, apart) => {
          const one = bigBird({ ...given, causal: true });
          const other = bigBird({ ...given, seed: given.seed ^ 1, causal: true });
          const attend = apart ? perHead([one, other, other, one]) : one;
          await expectDecodes(attend, inputs({ queries: length }), ends, { runtime, capacity: 160 });
        },
      ),
      { numRuns },
    );
  });
});

test("blocks are drawn from the window's both sides about as often, and no seed draws as another", () => {
  const given = { blockSize: 1, window: 1, global: 0, random: 4, length: 101 };
  const visible = (seed: number): string => {
    const { lse } = bigBird({ ...given, seed }).reference(inputs({ queries: 101, heads: 1, kvHeads: 1 }));
    return lse.join();
  };
  expect(visible(1)).toBe(visible(1));
  expect(visible(1)).not.toBe(visible(2));
  const all = drawn({ ...given, seed: 3 }, 50, 101, false);
  expect(new Set(all).size).toBe(4);
  const counts = Array.from({ length: 2000 }, (_, seed) => drawn({ ...given, seed }, 50, 101, false)).flat();
  const before = counts.filter((block) => block < 50).length / counts.length;
  expect(before).toBeGreaterThan(0.47);
  expect(before).toBeLessThan(0.53);
});

test.each([
  [{ window: 2 }, "bigBird: window is 2, expected an odd number of blocks"],
  [{ seed: 2 ** 33 }, "bigBird: seed is 8589934592, expected a 32-bit integer"],
  [{ random: 1 }, "bigBird: length is missing, expected the tokens that random blocks are drawn from"],
  [{ blockSize: 0 }, "bigBird: blockSize is 0, expected an integer in 1..2^30"],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => bigBird({ blockSize: 16, window: 3, global: 1, random: 0, ...given })).toThrow(message);
});

test("a call longer than what blocks were drawn from is refused", () => {
  const attend = bigBird({ blockSize: 16, window: 3, global: 1, random: 1, length: 64 });
  expect(() => attend.forwardSync(inputs({ queries: 65 }))).toThrow(
    "bigBird: length is 64, the call has M = 65 keys or later queries",
  );
});
