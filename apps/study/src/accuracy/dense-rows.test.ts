import { dense, type Tensor, tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import { describe, expect, test } from "vitest";
import type { Slice } from "../input/input.ts";
import { denseRows } from "./dense-rows.ts";
import { uniformAt } from "./draws.ts";

const heads = 4;
const kvHeads = 2;
const sizes = { width: 10, valueDim: 7 };

function random(seed: number, count: number, length: number, width: number, spread: number): Tensor {
  const data = Float32Array.from({ length: count * length * width }, (_, i) => spread * (2 * uniformAt(seed, i) - 1));
  return tensor(data, { shape: [1, count, length, width] });
}

function sliceOf(length: number, spread = 1): Slice {
  return {
    q: random(1, heads, length, sizes.width, spread),
    k: random(2, kvHeads, length, sizes.width, spread),
    v: random(3, kvHeads, length, sizes.valueDim, 1),
  };
}

/** The formula for one row: all scores, their largest, the sum, the mean. */
function explicitRow({ q, k, v }: Slice, h: number, position: number): { out: number[]; lse: number } {
  const g = Math.floor(h / (q.heads / k.heads));
  const at = (view: Tensor, head: number, n: number, i: number): number =>
    floatsOf(view)[view.offset + head * view.strides.h + n * view.strides.n + i]!;
  const scores: number[] = [];
  for (let j = 0; j <= position; j++) {
    let product = 0;
    for (let d = 0; d < q.width; d++) product += at(q, h, position, d) * at(k, g, j, d);
    scores.push(product / Math.sqrt(q.width));
  }
  const max = Math.max(...scores);
  const weights = scores.map((s) => Math.exp(s - max));
  const sum = weights.reduce((a, b) => a + b, 0);
  const out = Array.from({ length: v.width }, (_, e) =>
    weights.reduce((total, weight, j) => total + (weight / sum) * at(v, g, j, e), 0),
  );
  return { out, lse: max + Math.log(sum) };
}

describe("rows of dense attention in float64", () => {
  // Below, at and beyond the ends of blocks of 256 keys.
  const length = 1030;
  const positions = [0, 1, 2, 3, 4, 254, 255, 256, 257, 511, 512, 700, 1023, 1024, 1029];

  test.each([0.1, 1, 30])("are what the formula says, row by row, for numbers of size %d", async (spread) => {
    const slice = sliceOf(length, spread);
    const { out, lse } = await denseRows(slice, positions);
    for (const [p, position] of positions.entries()) {
      for (let h = 0; h < heads; h++) {
        const expected = explicitRow(slice, h, position);
        const row = p * heads + h;
        expect(Math.abs(lse[row]! - expected.lse)).toBeLessThan(1e-12 * Math.max(1, Math.abs(expected.lse)));
        for (const [e, value] of expected.out.entries()) {
          expect(Math.abs(out[row * sizes.valueDim + e]! - value)).toBeLessThan(1e-11);
        }
      }
    }
  });

  test("are rows of the reference of dense()", async () => {
    const slice = sliceOf(300);
    const all = dense({ causal: true }).reference(slice);
    const everywhere = Array.from({ length: 300 }, (_, position) => position);
    const { out, lse } = await denseRows(slice, everywhere);
    for (const position of everywhere) {
      for (let h = 0; h < heads; h++) {
        expect(Math.abs(lse[position * heads + h]! - all.lse[h * 300 + position]!)).toBeLessThan(1e-12);
        for (let e = 0; e < sizes.valueDim; e++) {
          const own = out[(position * heads + h) * sizes.valueDim + e]!;
          expect(Math.abs(own - all.out[(h * 300 + position) * sizes.valueDim + e]!)).toBeLessThan(1e-13);
        }
      }
    }
  });

  test("do not depend on which others are computed", async () => {
    const slice = sliceOf(600);
    const together = await denseRows(slice, [0, 100, 300, 599]);
    const alone = await denseRows(slice, [300]);
    expect(together.lse.subarray(2 * heads, 3 * heads)).toEqual(alone.lse);
  });

  test("are the same for heads next to each other in every token", async () => {
    const slice = sliceOf(290);
    const turned = Object.fromEntries(
      (["q", "k", "v"] as const).map((name) => {
        const { data, heads: count, length: tokens, width } = slice[name];
        const from = data as Float32Array;
        const into = new Float32Array(from.length);
        for (let h = 0; h < count; h++) {
          for (let n = 0; n < tokens; n++) {
            for (let i = 0; i < width; i++) into[(n * count + h) * width + i] = from[(h * tokens + n) * width + i]!;
          }
        }
        return [name, tensor(into, { shape: [1, tokens, count, width], layout: "bnhd" })];
      }),
    ) as unknown as Slice;
    expect(await denseRows(turned, [5, 289])).toEqual(await denseRows(slice, [5, 289]));
  });

  test("stop when they are told to", async () => {
    const slice = sliceOf(60_000);
    const many = Array.from({ length: 500 }, (_, i) => 59_500 + i);
    await expect(denseRows(slice, many, AbortSignal.timeout(60))).rejects.toThrow(/timeout/i);
  });
});
