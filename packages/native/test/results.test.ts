import { describe, expect, test } from "vitest";
import { NUMBERS, OUTCOME } from "../src/index.ts";
import { addon, attend, best, built, isas } from "./built.ts";
import { denseCall, expectedOut, K, LSE, OUT, Q, type DenseShape } from "./dense-call.ts";

const shapes: Omit<DenseShape, "isa">[] = [
  { H: 1, N: 1, D: 1 },
  { H: 2, N: 37, M: 53, D: 20, E: 7 },
  { B: 2, H: 4, G: 2, N: 130, M: 300, D: 64, causal: true },
  { H: 3, N: 1, M: 999, D: 59, E: 111, parts: 5 },
  { H: 6, G: 1, N: 2, M: 257, D: 32, parts: 3, causal: true },
  { H: 8, G: 2, N: 48, M: 48, D: 16, parts: 2 },
  { B: 2, H: 4, G: 2, N: 130, M: 300, D: 20, causal: true, gathered: true },
  { H: 3, N: 301, M: 64, D: 33, gathered: true },
];

function worstError(expected: Float64Array, got: ArrayLike<number>): number {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) worst = Math.max(worst, Math.abs(expected[i]! - got[i]!));
  return worst;
}

describe.skipIf(!built)("results of the addon", () => {
  describe.each(isas.map((isa) => [built ? addon.instructionSets()[isa]!.name : "", isa] as const))(
    "on %s",
    (_, isa) => {
      test.each(shapes)("are those of the definition for %o", (shape) => {
        const call = denseCall({ ...shape, isa });
        expect(addon.attendSync(...call)).toBe(OUTCOME.done);
        expect(worstError(expectedOut({ ...shape, isa }, call), call[OUT])).toBeLessThan(2e-6);
        expect(call[LSE]!.every((value) => Number.isFinite(value))).toBe(true);
      });

      test.each(shapes)("have the same bits at 1, 2 and 7 threads, synchronous or not, for %o", async (shape) => {
        const one = denseCall({ ...shape, isa, threads: 1 });
        addon.attendSync(...one);
        for (const threads of [2, 7]) {
          for (let repeat = 0; repeat < 5; repeat++) {
            const sync = denseCall({ ...shape, isa, threads });
            expect(addon.attendSync(...sync)).toBe(OUTCOME.done);
            const later = denseCall({ ...shape, isa, threads });
            expect(await attend(later)).toBe(OUTCOME.done);
            for (const call of [sync, later]) {
              expect(call[OUT]).toEqual(one[OUT]);
              expect(call[LSE]).toEqual(one[LSE]);
            }
          }
        }
      });
    },
  );

  test("do not depend on where the arrays lie: strides, offsets, backwards rows", () => {
    const shape = { H: 2, N: 21, M: 33, D: 8, isa: best };
    const plain = denseCall(shape);
    addon.attendSync(...plain);
    const moved = denseCall(shape);
    const [numbers, q, k] = [moved[0], moved[Q], moved[K]];
    const spread = new Float32Array(2 * 21 * 11 + 5).fill(NaN);
    for (let row = 0; row < 42; row++) spread.set(q.subarray(row * 8, row * 8 + 8), 5 + row * 11);
    moved[Q] = spread;
    numbers.set([5, NaN, 21 * 11, 11], NUMBERS.q);
    // The batch axis has one element, so its stride is never used; it still has to be a number.
    numbers[NUMBERS.q + 1] = -12345;
    const reversed = new Float32Array(k.length);
    for (let row = 0; row < 66; row++) reversed.set(k.subarray(row * 8, row * 8 + 8), (65 - row) * 8);
    moved[K] = reversed;
    numbers.set([65 * 8, 0, -33 * 8, -8], NUMBERS.k);
    expect(addon.attendSync(...moved)).toBe(OUTCOME.done);
    expect(moved[OUT]).toEqual(plain[OUT]);
  });

  test("are written through views of a SharedArrayBuffer, synchronous or not", async () => {
    const shape = { H: 2, N: 64, D: 16, isa: best };
    const plain = denseCall(shape);
    addon.attendSync(...plain);
    const call = denseCall(shape);
    for (const place of [Q, K, OUT] as const) {
      const shared = new Float32Array(new SharedArrayBuffer(call[place].byteLength));
      shared.set(call[place]);
      call[place] = shared;
    }
    expect(addon.attendSync(...call)).toBe(OUTCOME.done);
    expect([...call[OUT]]).toEqual([...plain[OUT]]);
    call[OUT].fill(0);
    expect(await attend(call)).toBe(OUTCOME.done);
    expect([...call[OUT]]).toEqual([...plain[OUT]]);
  });

  test("of calls without any row leave everything as it was", () => {
    const call = denseCall({ H: 2, N: 0, M: 5, D: 4, isa: best });
    expect(addon.attendSync(...call)).toBe(OUTCOME.done);
  });
});
