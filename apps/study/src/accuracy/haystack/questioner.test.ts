import { candidate } from "@saccade/advisor";
import { describe, expect, test } from "vitest";
import { asWholeCalls } from "../../../test/attention-candidate.ts";
import { accuracySettings } from "../../../test/measure-settings.ts";
import { measureNeedles } from "../needles.ts";
import { measureTasks } from "../tasks/measure-tasks.ts";
import { questionPlaces } from "./question-positions.ts";
import { planRounds } from "./questioner.ts";

const settings = accuracySettings({
  needleDepths: [0, 0.25, 0.5, 0.75, 1],
  needleTrials: 6,
  tasks: ["single", "multi-key", "multi-value", "variable-tracking"],
});

async function measured(id: string, length: number, whole = false) {
  const variant = whole ? asWholeCalls(candidate(id)) : candidate(id);
  return {
    needles: (await measureNeedles(variant, length, settings, {})).map(({ found }) => found),
    tasks: (await measureTasks(variant, length, settings, {})).map(({ score }) => score),
  };
}

describe("asking a variant", () => {
  test.each([
    "window:300:sinks=4",
    "top-k-blocks:64:k=4",
    "page-select:256:page=16",
    "index-top-k:64",
    "dual-chunk:512:local=100",
  ])("%s one row at a time and all rows in one call gives the same", async (id) => {
    expect(await measured(id, 1024, true)).toEqual(await measured(id, 1024));
  });

  test("that reads a pattern off the end of its prompt lets it see every question", async () => {
    const { needles, tasks } = await measured("vertical-slash:200:slashes=20", 4096);
    expect(needles).toEqual([6, 6, 6, 6, 6]);
    expect(Math.min(...tasks)).toBeGreaterThan(0.9);
  });

  test("that takes the blocks of the most mass finds all, in a budget of a sixteenth", async () => {
    expect(await measured("oracle-blocks:64:k=4", 4096)).toEqual({ needles: [6, 6, 6, 6, 6], tasks: [1, 1, 1, 1] });
  });

  test("that forgets finds what is near, and one that sums without forgetting finds little", async () => {
    const { needles } = await measured("gated-delta-net", 4096);
    expect(needles[4]).toBe(6);
    expect(needles[0]! + needles[1]!).toBeLessThan(3);
    const { needles: summed } = await measured("linear", 4096);
    expect(summed.reduce((sum, found) => sum + found, 0)).toBeLessThan(10);
  });
});

describe("questions", () => {
  test("stand in blocks of their own at the end, and next to each other at the end of a prompt that is read", () => {
    expect(questionPlaces({ selection: "per-query" }, 4096, 4)).toEqual({
      questions: [3711, 3839, 3967, 4095],
      body: 3711,
    });
    expect(questionPlaces({ selection: "prompt" }, 4096, 4)).toEqual({
      questions: [4092, 4093, 4094, 4095],
      body: 4092,
    });
    expect(questionPlaces({ selection: "per-query" }, 64, 4)).toEqual({ questions: [57, 59, 61, 63], body: 57 });
  });

  test("are asked about fewer texts where each needs a long call, and about one at least", () => {
    const trials = (id: string, length: number) => planRounds(candidate(id), length, 8, {})?.trials;
    expect(trials("dense", 2 ** 20)).toBe(8);
    expect(trials("linear", 2 ** 20)).toBe(8);
    expect(trials("cumulative", 4096)).toBe(8);
    expect(trials("cumulative", 2 ** 20)).toBe(1);
  });

  test("are asked about as many texts at once as there is room for, and about none where one has no room", () => {
    // Keys and values of 1024 tokens; queries and outputs of as many where all rows are computed.
    const text = 4 * 1024 * 64 * 2;
    const dense = candidate("dense");
    expect(planRounds(dense, 1024, 8, {})).toEqual({ trials: 8, together: 8 });
    expect(planRounds(dense, 1024, 8, { bytesAtOnce: 3 * text })).toEqual({ trials: 8, together: 3 });
    expect(planRounds(dense, 1024, 8, { mostBytes: 2 * text })).toEqual({ trials: 8, together: 2 });
    expect(planRounds(dense, 1024, 8, { mostBytes: text - 1 })).toBeUndefined();
    expect(planRounds(candidate("linear"), 1024, 8, { mostBytes: 2 * text })).toEqual({ trials: 8, together: 1 });
    expect(planRounds(candidate("linear"), 1024, 8, { mostBytes: text })).toBeUndefined();
    expect(planRounds(candidate("cos-former:512"), 1024, 8, {})).toBeUndefined();
    expect(planRounds(dense, 1024, 0, {})).toBeUndefined();
  });

  test("end when time has run out, and say how many texts there were", async () => {
    const window = candidate("window:300");
    const bytesAtOnce = 2 * 4 * 1024 * 64 * 2;
    for (const rounds of [0, 1, 2]) {
      const limited = () => {
        let left = rounds;
        return { bytesAtOnce, outOfTime: () => left-- === 0 };
      };
      const needles = await measureNeedles(window, 1024, settings, limited());
      const tasks = await measureTasks(window, 1024, settings, limited());
      expect(new Set([...needles, ...tasks].map(({ trials }) => trials))).toEqual(
        new Set(rounds === 0 ? [] : [2 * rounds]),
      );
    }
  });
});
