import { tensor, type Tensor } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunkLocal, compressiveMemory } from "../src/index.ts";
import { availableRuntimes } from "./available-runtimes.ts";
import { difference, inputs, numRuns, rowsOf, tokens, widths } from "./call-inputs.ts";
import { explicitInfini } from "./explicit-infini.ts";

const runtimes = await availableRuntimes();
const gates = [0.3, -2, 0, 1.5];
const updates = ["linear", "delta"] as const;
const numbers = ({ data }: Tensor): Float32Array => data as Float32Array;
const SIZES = { batch: 2, queries: 70 } as const;
const shape = { batch: 2, heads: 4, kvHeads: 2, headDim: 16, valueDim: 8 };

describe.each(runtimes)("compressiveMemory on $label", ({ runtime }) => {
  test("is the published formula, in three forms", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 40 }),
        widths,
        fc.integer({ min: 1, max: 90 }),
        fc.constantFrom(...updates),
        async (segment, sizes, queries, update) => {
          const attend = compressiveMemory({ segment, gates, update });
          const call = inputs({ batch: 2, queries, seed: queries, ...sizes });
          const want = explicitInfini(call, { segment, gates, delta: update === "delta" });
          const out = tensor(new Float32Array(want.length).fill(NaN), {
            shape: [2, call.q.heads, queries, call.v.width],
          });
          const { state } = await attend.forward(call, { runtime, out, state: true });
          expect(difference(numbers(out), want)).toBeLessThan(1e-4);
          const exact = attend.reference(call);
          expect(difference(exact.out, want)).toBeLessThan(1e-9);
          expect(difference(attend.parallel(call), want)).toBeLessThan(1e-9);
          expect(difference(state.part("memory"), exact.state["memory"]!)).toBeLessThan(1e-3);
          expect(difference(state.part("normaliser"), exact.state["normaliser"]!)).toBeLessThan(1e-3);
        },
      ),
      { numRuns },
    );
  });

  test.each(updates)(
    "gives the same rows however tokens are split, between calls and in a decoder, update %s",
    async (update) => {
      const attend = compressiveMemory({ segment: 16, gates, update });
      const call = inputs(SIZES);
      const want = attend.reference(call).out;
      await fc.assert(
        fc.asyncProperty(fc.array(fc.nat({ max: 70 }), { maxLength: 8 }), async (cuts) => {
          await using decoder = attend.decoder({ ...shape, runtime, rewindable: 3 });
          let [state, from] = [attend.state(shape), 0];
          for (const to of [...cuts, 70].sort((a, b) => a - b)) {
            const part = tokens(call, from, to);
            const rows = rowsOf(want, [from, to], 70, 8);
            const step = to % 2 === 0 ? await decoder.append(part) : decoder.appendSync(part);
            expect(difference(numbers(step.out), rows)).toBeLessThan(1e-4);
            const exact = attend.reference({ ...part, state });
            expect(difference(exact.out, rows)).toBeLessThan(1e-4);
            expect(difference(attend.parallel({ ...part, state }), exact.out)).toBeLessThan(1e-9);
            const result = await attend.forward({ ...part, state }, { runtime, state: true });
            expect(difference(numbers(result.out), rows)).toBeLessThan(1e-4);
            for (const [name, values] of Object.entries(exact.state)) {
              expect(difference(result.state.part(name), values)).toBeLessThan(1e-3);
            }
            [state, from] = [result.state, to];
          }
          decoder.rewind(3);
          const again = decoder.appendSync(tokens(call, 67, 70));
          expect(difference(numbers(again.out), rowsOf(want, [67, 70], 70, 8))).toBeLessThan(1e-4);
          await using other = attend.decoder({ ...shape, runtime });
          other.restore(decoder.serialize());
          expect(other.serialize()).toEqual(decoder.serialize());
        }),
        { numRuns: Math.ceil(numRuns / 4) },
      );
    },
  );

  test("with segments longer than what is computed at a time is its definition", async () => {
    for (const update of updates) {
      const attend = compressiveMemory({ segment: 700, gates: [0, 1], update });
      const call = inputs({ heads: 2, kvHeads: 1, queries: 1500, headDim: 8, valueDim: 4 });
      const { out } = await attend.forward(call, { runtime });
      expect(difference(numbers(out), attend.reference(call).out)).toBeLessThan(1e-4);
    }
  });

  test("sees nothing behind the lengths of a ragged batch", async () => {
    const attend = compressiveMemory({ segment: 16, gates });
    const call = inputs(SIZES);
    for (const view of [call.q, call.k, call.v]) {
      for (let h = 0; h < view.heads; h++) {
        const at = view.strides.b + h * view.strides.h;
        numbers(view).fill(NaN, at + 33 * view.strides.n, at + 70 * view.strides.n);
      }
    }
    for (const lengths of [
      [70, 33],
      [0, 33],
    ]) {
      const { out, state } = await attend.forward({ ...call, lengths }, { runtime, state: true });
      expect(difference(numbers(out), attend.reference({ ...call, lengths }).out)).toBeLessThan(1e-4);
      expect([...state.tokens]).toEqual(lengths);
    }
  });

  test("is attention inside chunks where the memory has no share", async () => {
    const call = inputs({ queries: 200 });
    const { out } = await compressiveMemory({ segment: 64, gates: [-800, -800, -800, -800] }).forward(call, {
      runtime,
    });
    const same = await chunkLocal({ chunk: 64 }).forward(call, { runtime });
    expect(difference(numbers(out), numbers(same.out))).toBeLessThan(1e-6);
  });
});

test("plans what a decoder keeps: memory, normaliser and a segment of keys and values", () => {
  const plan = compressiveMemory({ segment: 2048 }).plan({ heads: 8, kvHeads: 2, queries: 1e6, headDim: 64 });
  expect(plan.stateBytes).toBe(4 * (2 * 64 * 65 + 2 * 2048 * 128) + 4);
  expect(plan.cacheBytes).toBe(plan.stateBytes);
});

test.each([
  [{ segment: 0 }, "compressiveMemory: segment is 0"],
  [{ segment: 8, update: "other" as "delta" }, 'compressiveMemory: update is "other", expected "linear" or "delta"'],
  [{ segment: 8, scale: NaN }, "compressiveMemory: scale is NaN"],
])("options that make no sense are refused: %j", (given, message) => {
  expect(() => compressiveMemory(given)).toThrow(message);
});

test("gates for other heads, and more value heads than key heads, are refused by the call", () => {
  const call = inputs({ queries: 5 });
  const three = compressiveMemory({ segment: 8, gates: [1, 2, 3] });
  expect(() => three.forwardSync(call)).toThrow(
    "compressiveMemory.forwardSync: gates has 3 numbers, q has H = 4 heads",
  );
  const wide = { ...call, v: inputs({ queries: 5, kvHeads: 4 }).v };
  expect(() => compressiveMemory({ segment: 8 }).forwardSync(wide)).toThrow("expected V = G, which divides H");
});
