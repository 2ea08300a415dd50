import { floatsOf } from "@saccade/core/variants";
import { type Candidate, candidate } from "@saccade/advisor";
import { describe, expect, test } from "vitest";
import { gaussianInput } from "../input/gaussian-input.ts";
import { comparedOutput } from "./compared-output.ts";

const slice = (length: number) =>
  gaussianInput({ kind: "gaussian", heads: 2, kvHeads: 1, headDim: 64, seed: 2 }).slice(length, { first: 0, count: 1 });

/** The candidate, and the query rows of each of its calls. */
function counted(id: string): { readonly variant: Candidate; readonly rows: number[] } {
  const variant = candidate(id);
  const rows: number[] = [];
  const softmax = variant.softmax!;
  return {
    variant: {
      ...variant,
      softmax: {
        ...softmax,
        forward(inputs, options) {
          rows.push(inputs.q.length);
          return softmax.forward(inputs, options);
        },
      },
    },
    rows,
  };
}

describe("the output that is compared", () => {
  test.each(["dense", "window:256:sinks=4", "top-k-blocks:64:k=4"])(
    "of %s is the same row by row, where that is faster, and in one call",
    async (id) => {
      const [length, positions] = [6000, [0, 77, 5999]];
      const inputs = slice(length);
      const { variant, rows } = counted(id);
      const { out, lse } = await comparedOutput(variant, inputs, positions, {});
      expect(rows).toEqual([1, 1, 1]);
      const whole = await variant.softmax!.forward(inputs, { lse: true });
      for (const position of positions) {
        for (let h = 0; h < 2; h++) {
          const row = h * length + position;
          expect(Math.abs(lse![row]! - whole.lse[row]!)).toBeLessThan(1e-5);
          for (let e = 0; e < 64; e++) {
            expect(Math.abs(floatsOf(out)[row * 64 + e]! - floatsOf(whole.out)[row * 64 + e]!)).toBeLessThan(1e-5);
          }
        }
      }
    },
  );

  test("is made in one call where many rows are looked at of a short text", async () => {
    const { variant, rows } = counted("dense");
    await comparedOutput(
      variant,
      slice(256),
      Array.from({ length: 256 }, (_, position) => position),
      {},
    );
    expect(rows).toEqual([256]);
  });

  test("has no logarithms of sums where rows are no softmax over keys", async () => {
    expect((await comparedOutput(candidate("linear"), slice(100), [0, 99], {})).lse).toBeUndefined();
  });
});
