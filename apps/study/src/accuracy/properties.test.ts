import { candidate } from "@saccade/advisor";
import { dense, type Tensor, tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accuracySettings } from "../../test/measure-settings.ts";
import { gaussianInput } from "../input/gaussian-input.ts";
import type { Slice } from "../input/input.ts";
import { denseRows } from "./dense-rows.ts";
import { uniformAt } from "./draws.ts";
import { measureAccuracy } from "./measure-accuracy.ts";
import { stratifiedPositions } from "./stratified-positions.ts";

const runs = { numRuns: process.env["SACCADE_EXHAUSTIVE"] ? 300 : 30 };

function random(seed: number, heads: number, length: number, width: number): Tensor {
  const data = Float32Array.from({ length: heads * length * width }, (_, i) => 4 * uniformAt(seed, i) - 2);
  return tensor(data, { shape: [1, heads, length, width] });
}

/** e^(score) of a query row with each key up to it. */
function weights({ q, k }: Slice, h: number, position: number): number[] {
  const g = Math.floor(h / (q.heads / k.heads));
  return Array.from({ length: position + 1 }, (_, j) => {
    let product = 0;
    for (let d = 0; d < q.width; d++) {
      const key = floatsOf(k)[(g * k.length + j) * k.width + d]!;
      product += floatsOf(q)[(h * q.length + position) * q.width + d]! * key;
    }
    return Math.exp(product / Math.sqrt(q.width));
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe("whatever the sizes", () => {
  test("rows are those of the reference of dense()", async () => {
    const sizes = fc.record({
      seed: fc.nat(),
      kvHeads: fc.integer({ min: 1, max: 3 }),
      stack: fc.integer({ min: 1, max: 3 }),
      length: fc.integer({ min: 1, max: 540 }),
      headDim: fc.integer({ min: 1, max: 20 }),
      valueDim: fc.integer({ min: 1, max: 20 }),
    });
    await fc.assert(
      fc.asyncProperty(sizes, async ({ seed, kvHeads, stack, length, headDim, valueDim }) => {
        const heads = kvHeads * stack;
        const slice = {
          q: random(seed, heads, length, headDim),
          k: random(seed + 1, kvHeads, length, headDim),
          v: random(seed + 2, kvHeads, length, valueDim),
        };
        const positions = stratifiedPositions(6, length, heads, seed);
        const rows = await denseRows(slice, positions);
        let worst = 0;
        for (const [p, position] of positions.entries()) {
          const q = { ...slice.q, offset: position * headDim, length: 1 };
          const row = dense({ causal: true }).reference({ ...slice, q, queryOffset: position });
          for (let h = 0; h < heads; h++) {
            worst = Math.max(worst, Math.abs(rows.lse[p * heads + h]! - row.lse[h]!));
            for (let e = 0; e < valueDim; e++) {
              const own = rows.out[(p * heads + h) * valueDim + e]!;
              worst = Math.max(worst, Math.abs(own - row.out[h * valueDim + e]!));
            }
          }
        }
        expect(worst).toBeLessThan(1e-12);
      }),
      runs,
    );
  });

  test("mass recall of a window with sinks is the share of dense weights on its keys", async () => {
    const settings = accuracySettings({ sampledRows: 5 });
    const cases = fc.record({
      seed: fc.nat(1000),
      length: fc.integer({ min: 1, max: 300 }),
      window: fc.integer({ min: 1, max: 300 }),
      sinks: fc.integer({ min: 0, max: 8 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, async ({ seed, length, window, sinks }) => {
        const input = gaussianInput({ kind: "gaussian", heads: 2, kvHeads: 1, headDim: 16, seed });
        const variant = candidate(`window:${window}:sinks=${sinks}`);
        const { accuracy } = await measureAccuracy(variant, input, length, settings, {});
        const slice = input.slice(length, { first: 0, count: 1 });
        const positions = stratifiedPositions(5, length, 2, 1);
        for (const [h, share] of accuracy!.massRecallByHead!.entries()) {
          const shares = positions.map((position) => {
            const all = weights(slice, h, position);
            return sum(all.filter((_, j) => position - j < window || j < sinks)) / sum(all);
          });
          expect(Math.abs(share - sum(shares) / positions.length)).toBeLessThan(1e-5);
        }
      }),
      runs,
    );
  });
});
