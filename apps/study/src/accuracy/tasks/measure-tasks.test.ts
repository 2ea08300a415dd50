import type { Candidate } from "@saccade/advisor";
import { dense, mask } from "@saccade/core";
import { describe, expect, test } from "vitest";
import { asWholeCalls, attentionCandidate } from "../../../test/attention-candidate.ts";
import { accuracySettings } from "../../../test/measure-settings.ts";
import type { TaskName, TaskScore } from "../../cells/record.ts";
import { codeValue, direction } from "../haystack/haystack.ts";
import { measureTasks } from "./measure-tasks.ts";
import { multiKey } from "./multi-key.ts";
import { multiValue } from "./multi-value.ts";
import { single } from "./single.ts";
import { variableTracking } from "./variable-tracking.ts";

const TASKS: readonly TaskName[] = ["single", "multi-key", "multi-value", "variable-tracking"];
const everything = attentionCandidate("dense", dense({ causal: true }));
const windowed = (size: number): Candidate =>
  attentionCandidate("window", dense({ mask: mask`k <= q && q - k < ${size}` }));

function scores(candidate: Candidate, length: number, trials: number, tasks = TASKS): Promise<TaskScore[]> {
  return measureTasks(candidate, length, accuracySettings({ tasks, needleTrials: trials }), {});
}

describe("tasks", () => {
  test.each([
    [512, 20],
    [4096, 20],
    [32_768, 8],
  ])("are done by dense attention at %i tokens", async (length, trials) => {
    for (const { task, score } of await scores(everything, length, trials)) {
      expect(score, task).toBeGreaterThanOrEqual(0.95);
    }
  });

  test("are done by a window as far as it reaches, which for a chain of hops is less far", async () => {
    const trials = 40;
    const half = await scores(windowed(2048), 4096, trials);
    const short = await scores(windowed(256), 4096, trials);
    const by = (all: readonly TaskScore[]) => Object.fromEntries(all.map(({ task, score }) => [task, score]));
    for (const task of ["single", "multi-key", "multi-value"]) {
      expect(by(half)[task]).toBeGreaterThan(0.2);
      expect(by(half)[task]).toBeLessThan(0.8);
      expect(by(short)[task]).toBeLessThan(0.2);
    }
    // Half of the first hops, a quarter of the second ones, ...
    expect(by(half)["variable-tracking"]).toBeLessThan(0.5);
    expect(by(short)["variable-tracking"]).toBeLessThan(0.1);
  });

  test("have the same scores whether rows are computed alone or all in one call", async () => {
    expect(await scores(asWholeCalls(windowed(1024)), 2048, 6)).toEqual(await scores(windowed(1024), 2048, 6));
  });

  test("have scores that do not depend on which others are asked for, in the order of asking", async () => {
    const all = await scores(windowed(1024), 2048, 10);
    const some = await scores(windowed(1024), 2048, 10, ["variable-tracking", "single"]);
    expect(some).toEqual([all[3], all[0]]);
  });

  test("are not measured where there is no room, or none are asked for", async () => {
    expect(await scores(everything, 16, 2)).toEqual([]);
    expect(await scores(everything, 512, 2, [])).toEqual([]);
    expect(await scores(everything, 512, 0)).toEqual([]);
  });
});

describe("the answers of a task", () => {
  const mix = (...values: readonly Float32Array[]): Float32Array =>
    values[0]!.map((_, i) => values.reduce((sum, value) => sum + value[i]!, 0));
  const nothing = new Float32Array(64);

  test.each([single, multiKey])("$name: the value of the key that is asked for, and no other", (task) => {
    for (const seed of [1, 2, 3]) {
      const { hidden, questions, score } = task.trial(seed);
      const [asked, ...others] = hidden;
      expect(questions).toEqual([asked!.key]);
      expect(score([asked!.value])).toBe(1);
      for (const other of others) expect(score([other.value])).toBe(0);
      expect(score([nothing])).toBe(0);
      expect(score([nothing.map(() => NaN)])).toBe(0);
    }
  });

  test.each([single, multiKey, multiValue, variableTracking])("$name hides and asks as much as it says", (task) => {
    const { hidden, questions } = task.trial(4);
    expect(hidden).toHaveLength(task.hidden);
    expect(questions).toHaveLength(task.questions);
    for (const { key } of hidden) expect(Math.hypot(...key)).toBeCloseTo(1, 5);
  });

  test("multi-key: distractors have a cosine of 1/2, and values of their own", () => {
    const { hidden, questions } = multiKey.trial(5);
    for (const { key } of hidden.slice(1)) {
      expect(key.reduce((sum, x, i) => sum + x * questions[0]![i]!, 0)).toBeCloseTo(0.5, 5);
    }
    expect(new Set(hidden.map(({ value }) => value.indexOf(1))).size).toBe(hidden.length);
  });

  test("multi-value: the share of the values among the first four", () => {
    const { hidden, score } = multiValue.trial(7);
    const values = hidden.map((each) => each.value);
    const strange = Array.from({ length: 64 }, (_, code) => codeValue(code))
      .filter((value) => !values.some((each) => each.indexOf(1) === value.indexOf(1)))
      .slice(0, 4);
    expect(score([mix(...values)])).toBe(1);
    expect(score([mix(values[0]!, values[1]!, values[2]!, strange[0]!)])).toBe(0.75);
    expect(score([mix(values[0]!, ...strange.slice(1))])).toBe(0.25);
    expect(score([mix(...strange)])).toBe(0);
    expect(score([nothing])).toBe(0);
  });

  test("variable tracking: every value is the next key, and a wrong answer ends the chain", () => {
    const { hidden, questions, score } = variableTracking.trial(9);
    for (const [n, { key }] of hidden.slice(1).entries()) expect(key).toEqual(hidden[n]!.value);
    expect(questions).toEqual(hidden.map(({ key }) => key));
    const right = hidden.map(({ value }) => value);
    expect(score(right)).toBe(1);
    expect(score(right.with(3, nothing))).toBe(0.75);
    expect(score(right.with(1, right[2]!))).toBe(0.25);
    expect(score(right.with(0, direction(12_345, 1)))).toBe(0);
  });
});
