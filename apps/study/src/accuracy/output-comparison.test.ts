import { dense, mask, type Tensor, tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import { describe, expect, test } from "vitest";
import { attentionCandidate } from "../../test/attention-candidate.ts";
import { accuracySettings } from "../../test/measure-settings.ts";
import type { Accuracy } from "../cells/record.ts";
import { gaussianInput } from "../input/gaussian-input.ts";
import { comparedOutput } from "./compared-output.ts";
import { OutputComparison } from "./output-comparison.ts";
import { stratifiedPositions } from "./stratified-positions.ts";

const length = 400;
const input = gaussianInput({ kind: "gaussian", heads: 4, kvHeads: 2, headDim: 16, seed: 3 });
const whole = { first: 0, count: 2 };
const slice = input.slice(length, whole);
const settings = accuracySettings({ sampledRows: 24 });
const exact = dense({ causal: true }).reference(slice);

async function compared(change: (index: number) => number): Promise<Accuracy> {
  const out = tensor(
    Float32Array.from(exact.out, (_, i) => change(i)),
    { shape: [1, 4, length, 16] },
  );
  const comparison = new OutputComparison(input, length, settings, {});
  await comparison.add(whole, slice, { out });
  return comparison.result().accuracy!;
}

describe("outputs beside dense attention", () => {
  test("of dense attention differ by the rounding of f32", async () => {
    const accuracy = await compared((i) => exact.out[i]!);
    expect(accuracy.rows).toBe(24 * 4);
    expect(accuracy.relativeL2).toBeLessThan(2 ** -24);
    expect(accuracy.cosine).toBeCloseTo(1, 12);
    expect(accuracy.notFiniteRows).toBe(0);
  });

  test("that are three times as long are off by twice the length, in the same direction", async () => {
    const accuracy = await compared((i) => 3 * exact.out[i]!);
    expect(accuracy.relativeL2).toBeCloseTo(2, 6);
    expect(accuracy.cosine).toBeCloseTo(1, 6);
  });

  test("that point away have a cosine of -1", async () => {
    expect((await compared((i) => -exact.out[i]!)).cosine).toBeCloseTo(-1, 6);
  });

  test("that are zero are off by everything", async () => {
    expect(await compared(() => 0)).toMatchObject({ relativeL2: 1, cosine: 0 });
  });

  test("that are not finite in one row count as zeros there", async () => {
    const row = 2 * length + length - 1;
    const change = (bad: number) => (i: number) => (Math.floor(i / 16) === row && i % 16 === 5 ? bad : exact.out[i]!);
    const zeroed = await compared((i) => (Math.floor(i / 16) === row ? 0 : exact.out[i]!));
    for (const bad of [NaN, Infinity]) {
      expect(await compared(change(bad))).toEqual({ ...zeroed, notFiniteRows: 1 });
    }
  });

  test("need no logarithms of sums, and then say nothing of mass", async () => {
    expect(await compared((i) => exact.out[i]!)).toMatchObject({ massRecall: undefined, massRecallByHead: undefined });
  });
});

describe("mass recall", () => {
  const windowed = (size: number) =>
    attentionCandidate(`window of ${size}`, dense({ mask: mask`k <= q && q - k < ${size}` }));

  async function accuracyOf(size: number, ranges = [whole]): Promise<Accuracy> {
    const comparison = new OutputComparison(input, length, settings, {});
    for (const range of ranges) {
      const part = input.slice(length, range);
      const output = await comparedOutput(windowed(size), part, comparison.positions, { runtime: "reference" });
      await comparison.add(range, part, output);
    }
    return comparison.result().accuracy!;
  }

  /** Share of the weights of a row on the keys within a window, from all of its weights. */
  function explicitShare(h: number, position: number, size: number): number {
    const weights = Array.from({ length: position + 1 }, (_, j) => Math.exp(score(slice.q, slice.k, h, position, j)));
    const all = weights.reduce((sum, weight) => sum + weight, 0);
    const kept = weights.filter((_, j) => position - j < size).reduce((sum, weight) => sum + weight, 0);
    return kept / all;
  }

  test.each([1, 7, 100, 399])("of a window of %i is the share of dense weights inside it", async (size) => {
    const accuracy = await accuracyOf(size);
    const positions = stratifiedPositions(24, length, 4, 1);
    for (let h = 0; h < 4; h++) {
      const shares = positions.map((position) => explicitShare(h, position, size));
      const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length;
      expect(accuracy.massRecallByHead![h]).toBeCloseTo(mean, 5);
    }
    const byHead = accuracy.massRecallByHead!;
    expect(accuracy.massRecall).toBeCloseTo(byHead.reduce((sum, share) => sum + share, 0) / 4, 12);
  });

  test("lies between 0 and 1, grows with the window, and is 1 where it holds everything", async () => {
    let before = 0;
    for (const size of [1, 2, 5, 20, 60, 200, 400]) {
      const { massRecall, massRecallByHead } = await accuracyOf(size);
      expect(massRecall).toBeGreaterThan(before);
      for (const share of massRecallByHead!) expect(share).toBeLessThanOrEqual(1 + 1e-5);
      before = massRecall!;
    }
    expect(before).toBeCloseTo(1, 5);
  });

  test("and all else come out alike when heads are compared one group after the other", async () => {
    const groups = [
      { first: 0, count: 1 },
      { first: 1, count: 1 },
    ];
    const [together, apart] = [await accuracyOf(30), await accuracyOf(30, groups)];
    expect(apart.rows).toBe(together.rows);
    expect(apart.massRecallByHead).toEqual(together.massRecallByHead);
    expect(apart.relativeL2).toBeCloseTo(together.relativeL2, 6);
    expect(apart.cosine).toBeCloseTo(together.cosine, 6);
  });
});

function score(q: Tensor, k: Tensor, h: number, i: number, j: number): number {
  let product = 0;
  for (let d = 0; d < q.width; d++) {
    const key = floatsOf(k)[(Math.floor(h / 2) * length + j) * q.width + d]!;
    product += floatsOf(q)[(h * length + i) * q.width + d]! * key;
  }
  return product / Math.sqrt(q.width);
}
