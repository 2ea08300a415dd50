import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dense, mask } from "@saccade/core";
import { describe, expect, test } from "vitest";
import { attentionCandidate } from "../../test/attention-candidate.ts";
import { accuracySettings } from "../../test/measure-settings.ts";
import { gaussianInput } from "../input/gaussian-input.ts";
import type { Input } from "../input/input.ts";
import { textInput } from "../input/text-input.ts";
import { defaultText } from "../text/default-text.ts";
import { measureAccuracy } from "./measure-accuracy.ts";

const everything = attentionCandidate("dense", dense({ causal: true }));
const narrow = attentionCandidate("window", dense({ mask: mask`k <= q && q - k < 256` }));
const text = textInput({
  kind: "text",
  file: defaultText(),
  tokens: "bytes",
  ngram: 8,
  heads: 6,
  kvHeads: 3,
  headDim: 64,
});
const settings = accuracySettings({
  sampledRows: 16,
  needleDepths: [0, 1],
  needleTrials: 3,
  tasks: ["single", "variable-tracking"],
});

describe("the accuracy of a cell", () => {
  test("of dense attention on text is all there is", async () => {
    const { accuracy, retrieval, needles, tasks } = await measureAccuracy(everything, text, 4096, settings, {});
    expect(accuracy).toMatchObject({ rows: 16 * 6, notFiniteRows: 0 });
    expect(accuracy!.relativeL2).toBeLessThan(1e-5);
    expect(accuracy!.cosine).toBeGreaterThan(0.999999);
    expect(accuracy!.massRecall).toBeCloseTo(1, 5);
    expect(accuracy!.massRecallByHead).toHaveLength(6);
    expect(retrieval!.correct / retrieval!.scored).toBeGreaterThan(0.9);
    expect(needles).toEqual([
      { depth: 0, trials: 3, found: 3 },
      { depth: 1, trials: 3, found: 3 },
    ]);
    expect(tasks.map(({ score }) => score)).toEqual([1, 1]);
  });

  test("of a window on text says which heads lose what", async () => {
    const { accuracy, retrieval } = await measureAccuracy(narrow, text, 4096, settings, {});
    const [induction, , local, , sink] = accuracy!.massRecallByHead!;
    expect(local).toBeGreaterThan(0.9);
    expect(induction).toBeLessThan(0.6);
    expect(sink).toBeLessThan(0.6);
    expect(accuracy!.relativeL2).toBeGreaterThan(0.3);
    expect(retrieval!.farCorrect / retrieval!.farScored).toBeLessThan(0.5);
  });

  test("is the same in groups of heads, with and without kept rows", async () => {
    const folder = mkdtempSync(join(tmpdir(), "saccade-accuracy-"));
    try {
      const asked = accuracySettings({ sampledRows: 16 });
      const whole = await measureAccuracy(narrow, text, 1024, asked, {});
      for (const round of ["written", "read"]) {
        const grouped = await measureAccuracy(narrow, text, 1024, asked, { bytesAtOnce: 1, cacheFolder: folder });
        expect(grouped.retrieval, round).toEqual(whole.retrieval);
        for (const [h, share] of grouped.accuracy!.massRecallByHead!.entries()) {
          expect(share).toBeCloseTo(whole.accuracy!.massRecallByHead![h]!, 6);
        }
        expect(grouped.accuracy!.relativeL2).toBeCloseTo(whole.accuracy!.relativeL2, 6);
        expect(readdirSync(folder)).toHaveLength(3);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("takes the scale of its input into the queries", async () => {
    const plain = gaussianInput({ kind: "gaussian", heads: 2, kvHeads: 1, headDim: 16, seed: 4 });
    const scaled: Input = {
      ...plain,
      scale: 1 / 8,
      slice: (length, range) => {
        const slice = plain.slice(length, range);
        // Twice the scale of half the queries.
        (slice.q.data as Float32Array).forEach((x, i, all) => (all[i] = 2 * x));
        return slice;
      },
    };
    const asked = accuracySettings({ sampledRows: 16 });
    expect(await measureAccuracy(narrow, scaled, 600, asked, {})).toEqual(
      await measureAccuracy(narrow, plain, 600, asked, {}),
    );
  });

  test("of captures is what they themselves show", async () => {
    const capture: Input = {
      ...gaussianInput({ kind: "gaussian", heads: 2, kvHeads: 1, headDim: 16, seed: 4 }),
      kind: "safetensors",
    };
    const measured = await measureAccuracy(narrow, capture, 600, settings, {});
    expect(measured.accuracy!.massRecall).toBeGreaterThan(0.5);
    expect(measured).toMatchObject({ retrieval: undefined, needles: [], tasks: [] });
  });

  test("is nothing where nothing is asked for", async () => {
    expect(await measureAccuracy(everything, text, 512, accuracySettings(), {})).toEqual({
      accuracy: undefined,
      retrieval: undefined,
      needles: [],
      tasks: [],
    });
  });
});
