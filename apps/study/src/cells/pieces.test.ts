import { floatsOf } from "@saccade/core/variants";
import { candidate } from "@saccade/advisor";
import { describe, expect, it } from "vitest";
import { gaussianInput } from "../input/gaussian-input.ts";
import { groupSizes } from "./call-sizes.ts";
import { planPrompt, runPrompt } from "./pieces.ts";

const input = gaussianInput({ kind: "gaussian", heads: 4, kvHeads: 2, headDim: 16, seed: 5 });
const LENGTH = 300;
const group = { first: 0, count: 2 };
const tokens = input.slice(LENGTH, group);
const sizes = groupSizes(input, LENGTH, group);
/** A row of the output is 4 heads x 16 numbers. */
const ROW_BYTES = 256;

describe("a prompt", () => {
  it("goes through in one call where its output is small", () => {
    const plan = planPrompt(candidate("dense"), sizes, undefined, { wholeBytes: ROW_BYTES * LENGTH, pieceBytes: 1 });
    expect(plan).toMatchObject({ pieces: 1, pieceTokens: LENGTH, byDecoder: false });
    expect(plan.planBytes).toBeGreaterThan(ROW_BYTES * LENGTH);
  });

  it.each([
    ["dense", false],
    ["window:64:sinks=4", false],
    ["big-bird:64", false],
    ["linear:elu", true],
    ["gated-delta-net", true],
    ["compressive-memory:64", true],
  ])("of %s comes out the same in pieces", async (variant, byDecoder) => {
    const chosen = candidate(variant);
    // Two pieces of 128 tokens, and one of 44.
    const plan = planPrompt(chosen, sizes, undefined, { wholeBytes: 1, pieceBytes: ROW_BYTES * 200 });
    expect(plan).toMatchObject({ pieces: 3, pieceTokens: 128, byDecoder });
    const whole = (await chosen.forward(tokens)).out;
    const last = (await runPrompt(chosen, tokens, sizes, plan, {})).out;
    expect(last.length).toBe(44);
    const [all, some] = [floatsOf(whole), floatsOf(last)];
    let worst = 0;
    for (let h = 0; h < 4; h++) {
      for (let i = 0; i < 44 * 16; i++) {
        const there = all[whole.offset + h * whole.strides.h + (LENGTH - 44) * whole.strides.n + i]!;
        worst = Math.max(worst, Math.abs(there - some[last.offset + h * last.strides.h + i]!));
      }
    }
    expect(worst).toBeLessThan(1e-5);
  });

  it("of what has neither pieces nor a decoder stays whole", () => {
    const whole = { ...candidate("linear:elu"), noDecoder: "for this test" };
    const plan = planPrompt(whole, sizes, undefined, { wholeBytes: 1, pieceBytes: 1 });
    expect(plan).toMatchObject({ pieces: 1, byDecoder: false });
  });
});
