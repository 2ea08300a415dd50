import type { Candidate } from "@saccade/advisor";
import { dense, mask } from "@saccade/core";
import { describe, expect, test } from "vitest";
import { asWholeCalls, attentionCandidate } from "../../test/attention-candidate.ts";
import { accuracySettings } from "../../test/measure-settings.ts";
import type { NeedleDepth } from "../cells/record.ts";
import { measureNeedles, needlePlaces } from "./needles.ts";

const DEPTHS = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1];
const anywhere = { selection: "static" } as const;
const everything = attentionCandidate("dense", dense({ causal: true }));
const windowed = (size: number): Candidate =>
  attentionCandidate("window", dense({ mask: mask`k <= q && q - k < ${size}` }));
const chunked = (size: number): Candidate =>
  attentionCandidate("chunks", dense({ mask: mask`k <= q && floor(q / ${size}) == floor(k / ${size})` }));

/** With how many texts. */
const LENGTHS: [number, number][] = [
  [512, 10],
  [4096, 10],
  [32_768, 4],
  [131_072, 2],
];
if (process.env["SACCADE_EXHAUSTIVE"]) LENGTHS.push([1_048_576, 2]);

function needles(candidate: Candidate, length: number, trials: number, seed = 1): Promise<NeedleDepth[]> {
  const settings = accuracySettings({ needleDepths: DEPTHS, needleTrials: trials });
  return measureNeedles(candidate, length, settings, { seed });
}

describe("needles", () => {
  test.each(LENGTHS)("are found by dense attention at every depth of %i tokens", async (length, trials) => {
    const found = await needles(everything, length, trials);
    expect(found).toEqual(DEPTHS.map((depth) => ({ depth, trials, found: trials })));
  });

  test.each([
    [512, 128],
    [4096, 1024],
    [32_768, 4096],
  ])("of %i tokens are found by a window of %i where it reaches, and by chance elsewhere", async (length, size) => {
    const trials = 8;
    const { places, span, jitter } = needlePlaces(anywhere, DEPTHS, length)!;
    const found = await needles(windowed(size), length, trials);
    let [near, far] = [0, 0];
    for (const [n, { start, question }] of places.entries()) {
      if (question - (start - jitter) < size) {
        expect(found[n]!.found).toBe(trials);
        near++;
      }
      if (question - (start + jitter + span - 1) >= size) {
        // One code of 64 is named by chance.
        expect(found[n]!.found).toBeLessThanOrEqual(2);
        far++;
      }
    }
    expect(near).toBeGreaterThan(0);
    expect(far).toBeGreaterThan(4);
  });

  test("are found in chunks only inside the question's own", async () => {
    const [length, size, trials] = [4096, 1024, 8];
    const { places, span, jitter } = needlePlaces(anywhere, DEPTHS, length)!;
    const found = await needles(chunked(size), length, trials);
    const chunkOf = (position: number): number => Math.floor(position / size);
    for (const [n, { start, question }] of places.entries()) {
      const [from, to] = [chunkOf(start - jitter), chunkOf(start + jitter + span - 1)];
      if (from === chunkOf(question)) expect(found[n]!.found).toBe(trials);
      if (to < chunkOf(question)) expect(found[n]!.found).toBeLessThanOrEqual(2);
    }
    expect(found.at(-1)!.found).toBe(trials);
  });

  test("are as many whether rows are computed alone or all in one call", async () => {
    for (const candidate of [everything, windowed(700), chunked(300)]) {
      expect(await needles(asWholeCalls(candidate), 2048, 3)).toEqual(await needles(candidate, 2048, 3));
    }
  });

  test("are as many whether texts are made together or one after the other", async () => {
    const settings = accuracySettings({ needleDepths: DEPTHS, needleTrials: 5 });
    const all = await measureNeedles(windowed(700), 2048, settings, {});
    for (const bytesAtOnce of [1, 2 * 2048 * 64 * 4 * 2]) {
      expect(await measureNeedles(windowed(700), 2048, settings, { bytesAtOnce })).toEqual(all);
    }
  });

  test("are other ones with another seed", async () => {
    const runs = await Promise.all([1, 1, 2, 3].map((seed) => needles(windowed(200), 1024, 40, seed)));
    expect(runs[1]).toEqual(runs[0]);
    expect(runs.slice(2)).not.toContainEqual(runs[0]);
  });

  test("are reported in the order in which depths are asked for", async () => {
    const settings = accuracySettings({ needleDepths: [1, 0, 0.5], needleTrials: 4 });
    expect(await measureNeedles(windowed(500), 4096, settings, {})).toMatchObject([
      { depth: 1, found: 4 },
      { depth: 0 },
      { depth: 0.5 },
    ]);
  });
});

describe("the places of needles", () => {
  test.each([64, 512, 1000, 4096, 1_048_576])("of %i tokens do not touch, and lie at their depths", (length) => {
    const { places, span, jitter } = needlePlaces(anywhere, DEPTHS, length)!;
    for (const [n, { depth, start, question }] of places.entries()) {
      if (n > 0) expect(start - jitter).toBeGreaterThanOrEqual(places[n - 1]!.start + jitter + span);
      expect(question).toBeLessThan(length);
      expect(question).toBeGreaterThanOrEqual(start + span);
      // Where there is room for questions 128 tokens apart, the distance is what the depth says.
      const distance = (question - start) / length;
      expect(Math.abs(distance - (1 - depth))).toBeLessThan(0.02 + 12 / length);
    }
  });

  test("are as wide as there is room", () => {
    expect(needlePlaces(anywhere, DEPTHS, 4096)!.span).toBe(8);
    expect(needlePlaces(anywhere, DEPTHS, 64)!.span).toBeLessThan(4);
    expect(needlePlaces(anywhere, DEPTHS, 12)).toBeUndefined();
    expect(needlePlaces(anywhere, [], 4096)).toBeUndefined();
    expect(needlePlaces(anywhere, [0.5, 0.5], 4096)).toBeUndefined();
  });
});
