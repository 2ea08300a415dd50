import { tensor, type Gate, type LinearInputs } from "@saccade/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { availableRuntimes } from "./available-runtimes.ts";
import {
  difference,
  flattened,
  inputsOf,
  rowsOf,
  SIZES,
  tokensOf,
  type GateSpec,
  type InputOptions,
  type Sizes,
} from "./call-inputs.ts";
import { CASES, type VariantCase } from "./variant-cases.ts";

const runtimes = await availableRuntimes();
const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 60 : 6;
/** Of f32 results against float64, as a share of the largest number. */
const ROUNDING = 2e-5;
/** Of definitions against each other. */
const EXACT = 1e-9;

function callOf(
  { gates, unitKeys = false }: VariantCase,
  sizes: Sizes,
  options: InputOptions = {},
): LinearInputs<Gate> {
  return inputsOf(sizes, gates as Record<Gate, GateSpec>, { unitKeys, ...options });
}

/** A tensor [B, heads, N, E] that must be written. */
function poisoned({ batch, heads, valueHeads, tokens: length, valueDim }: Sizes) {
  const most = Math.max(heads, valueHeads);
  const data = new Float32Array(batch * most * length * valueDim).fill(NaN);
  return tensor(data, { shape: [batch, most, length, valueDim] });
}

const SMALL = SIZES[1]!;

describe.each(CASES.map((given) => [given.name, given] as const))("%s:", (_, given) => {
  const sizesOf = SIZES.filter((sizes) => given.takes?.(sizes) ?? true);

  test.each(sizesOf)("definition, pairs and published formula agree, %j", (sizes) => {
    const attend = given.make(sizes);
    const call = callOf(given, sizes);
    const want = given.explicit(call, sizes);
    expect(difference(attend.reference(call).out, want)).toBeLessThan(EXACT);
    expect(difference(attend.parallel(call), want)).toBeLessThan(EXACT);
    expect(difference(attend.parallel(call, "f32"), want)).toBeLessThan(1e-4);
  });

  test("definition and pairs go on from a state", () => {
    const sizes = SMALL;
    const attend = given.make(sizes);
    const call = callOf(given, sizes);
    const { state } = attend.forwardSync(tokensOf(call, 0, 20) as LinearInputs<Gate>, {
      runtime: "reference",
      state: true,
    });
    const rest = { ...tokensOf(call, 20, sizes.tokens), state };
    const want = rowsOf(given.explicit(call, sizes), [20, sizes.tokens], sizes.tokens, sizes.valueDim);
    expect(difference(attend.reference(rest).out, want)).toBeLessThan(ROUNDING);
    expect(difference(attend.parallel(rest), want)).toBeLessThan(ROUNDING);
  });

  describe.each(runtimes)("on $label", ({ runtime }) => {
    test.each(sizesOf)("a call gives what the definition does, and its state, %j", async (sizes) => {
      const attend = given.make(sizes);
      for (const layout of ["bhnd", "bnhd"] as const) {
        const call = callOf(given, sizes, { layout });
        const want = attend.reference(call);
        const out = poisoned(sizes);
        const asked = { runtime, out, state: true } as const;
        const result = layout === "bhnd" ? await attend.forward(call, asked) : attend.forwardSync(call, asked);
        expect(result.out).toBe(out);
        expect(difference(flattened(out), want.out)).toBeLessThan(ROUNDING);
        for (const [part, numbers] of Object.entries(want.state)) {
          expect(difference(result.state.part(part), numbers)).toBeLessThan(ROUNDING);
        }
        expect([...result.state.tokens]).toEqual(Array.from({ length: sizes.batch }, () => sizes.tokens));
      }
    });

    test("a ragged batch sees nothing behind its lengths", async () => {
      for (const lengths of [
        [0, 37],
        [5, 16],
        [33, 0],
      ]) {
        const attend = given.make(SMALL);
        const call = callOf(given, SMALL, { lengths });
        const { out, state } = await attend.forward(call, { runtime, out: poisoned(SMALL), state: true });
        const want = attend.reference(call);
        expect(difference(flattened(out), given.explicit(call, SMALL))).toBeLessThan(ROUNDING);
        expect(difference(state.part("memory"), want.state["memory"]!)).toBeLessThan(ROUNDING);
        expect([...state.tokens]).toEqual(lengths);
      }
    });

    test("tokens may be split in any way, between calls and in a decoder", async () => {
      const sizes = SMALL;
      const attend = given.make(sizes);
      const call = callOf(given, sizes, { seed: 2 });
      const want = attend.reference(call);
      await fc.assert(
        fc.asyncProperty(fc.array(fc.integer({ min: 0, max: sizes.tokens }), { maxLength: 8 }), async (cuts) => {
          const ends = [...cuts, sizes.tokens].sort((x, y) => x - y);
          await using decoder = attend.decoder({ ...sizes, runtime, rewindable: 2 });
          let state = attend.state(sizes);
          let from = 0;
          for (const to of ends) {
            const part = tokensOf(call, from, to);
            const rows = rowsOf(want.out, [from, to], sizes.tokens, sizes.valueDim);
            const step = to % 2 === 0 ? await decoder.append(part) : decoder.appendSync(part);
            expect(difference(flattened(step.out), rows)).toBeLessThan(ROUNDING);
            const result = await attend.forward({ ...part, state }, { runtime, state: true });
            expect(difference(flattened(result.out), rows)).toBeLessThan(ROUNDING);
            ({ state } = result);
            from = to;
          }
          expect(decoder.length).toBe(sizes.tokens);
          expect(difference(state.part("memory"), want.state["memory"]!)).toBeLessThan(ROUNDING);
          expect(difference(decoder.state().part("memory"), want.state["memory"]!)).toBeLessThan(ROUNDING);
        }),
        { numRuns },
      );
    });

    test("a decoder goes token by token, and its state is kept bit for bit", async () => {
      const sizes = SMALL;
      const attend = given.make(sizes);
      const call = callOf(given, sizes, { seed: 3 });
      const want = attend.reference(call);
      await using decoder = attend.decoder({ ...sizes, runtime });
      const step = (from: number): Float32Array => flattened(decoder.appendSync(tokensOf(call, from, from + 1)).out);
      const rows: Float32Array[] = [];
      for (let t = 0; t < 20; t++) {
        rows.push(step(t));
        expect(difference(rows[t]!, rowsOf(want.out, [t, t + 1], sizes.tokens, sizes.valueDim))).toBeLessThan(ROUNDING);
      }
      const checkpoint = decoder.checkpoint();
      const bytes = decoder.serialize();
      const after = [20, 21, 22].map(step);
      decoder.restore(checkpoint);
      expect(decoder.length).toBe(20);
      expect([20, 21, 22].map(step)).toEqual(after);
      decoder.restore(bytes);
      expect(decoder.serialize()).toEqual(bytes);
      expect([20, 21, 22].map(step)).toEqual(after);
      const state = attend.deserialize(bytes);
      expect(state.serialize()).toEqual(bytes);
      await using other = attend.decoder({ ...sizes, runtime });
      other.restore(state.serialize());
      expect(flattened(other.appendSync(tokensOf(call, 20, 21)).out)).toEqual(after[0]);
    });

    test("a decoder takes tokens back, whatever was appended before", async () => {
      const sizes = SMALL;
      const attend = given.make(sizes);
      const call = callOf(given, sizes, { seed: 4 });
      const want = attend.reference(call);
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.nat({ max: 5 })), { minLength: 1, maxLength: 8 }),
          async (moves) => {
            await using decoder = attend.decoder({ ...sizes, runtime, rewindable: 5 });
            let greatest = 0;
            for (const [count, back] of moves) {
              const from = decoder.length;
              const to = Math.min(from + count, sizes.tokens);
              const { out } = decoder.appendSync(tokensOf(call, from, to));
              const rows = rowsOf(want.out, [from, to], sizes.tokens, sizes.valueDim);
              expect(difference(flattened(out), rows)).toBeLessThan(ROUNDING);
              greatest = Math.max(greatest, to);
              decoder.rewind(Math.max(0, Math.min(back, to - greatest + 5, to)));
            }
          },
        ),
        { numRuns },
      );
    });

    test("has the same bits at one thread and two", async () => {
      const sizes = sizesOf.at(-1)!;
      const attend = given.make(sizes);
      const call = callOf(given, sizes);
      const [one, two] = [
        await attend.forward(call, { runtime, threads: 1 }),
        await attend.forward(call, { runtime, threads: 2 }),
      ];
      expect(flattened(one.out)).toEqual(flattened(two.out));
    });
  });
});
