import { candidate, VARIANTS } from "@saccade/advisor";
import { describe, expect, test } from "vitest";
import { accuracySettings } from "../../test/measure-settings.ts";
import { gaussianInput } from "../input/gaussian-input.ts";
import { measureAccuracy } from "./measure-accuracy.ts";

const input = gaussianInput({ kind: "gaussian", heads: 4, kvHeads: 2, headDim: 64, seed: 5 });
const settings = accuracySettings({
  sampledRows: 24,
  needleDepths: [0, 0.5, 1],
  needleTrials: 2,
  tasks: ["single", "multi-key", "multi-value", "variable-tracking"],
});

describe("everything in the catalogue", () => {
  test.each(VARIANTS.map(({ name }) => name))(
    "%s can be measured, and stays within what the numbers mean",
    async (name) => {
      const variant = candidate(name);
      const { accuracy, retrieval, needles, tasks } = await measureAccuracy(variant, input, 600, settings, {});
      const { rows, relativeL2, cosine, massRecall, massRecallByHead } = accuracy!;
      expect(rows).toBe(24 * 4);
      expect(Number.isFinite(relativeL2)).toBe(true);
      expect(Math.abs(cosine)).toBeLessThanOrEqual(1);
      expect(massRecall === undefined).toBe(variant.softmax === undefined);
      for (const share of massRecallByHead ?? []) {
        expect(share).toBeGreaterThan(0);
        expect(share).toBeLessThanOrEqual(1 + 1e-5);
      }
      if (variant.exact) {
        expect(relativeL2).toBeLessThan(1e-5);
        expect(massRecall ?? 1).toBeCloseTo(1, 5);
      }
      expect(retrieval).toBeUndefined();
      expect(needles.map(({ depth, trials }) => ({ depth, trials }))).toEqual(
        [0, 0.5, 1].map((depth) => ({ depth, trials: 2 })),
      );
      expect(tasks.map(({ task, trials }) => ({ task, trials }))).toEqual(
        settings.tasks.map((task) => ({ task, trials: 2 })),
      );
      for (const { score } of tasks) {
        expect(score).toBeGreaterThanOrEqual(0);
        expect(score).toBeLessThanOrEqual(1);
      }
    },
  );
});
