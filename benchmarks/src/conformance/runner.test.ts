import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { difference } from "./compare.ts";
import { type TestResult, runFolder } from "./runner.ts";
import { floats, writeTest } from "./test-folder.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "saccade-conformance-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const collect = async (from: string): Promise<TestResult[]> => {
  const results: TestResult[] = [];
  for await (const result of runFolder(from)) results.push(result);
  return results;
};

test("every test of a folder passes, fails or is skipped with a reason", async () => {
  // One query and one key: attention returns the value.
  const [q, v] = [floats([1, 1, 1, 2], [1, 2]), floats([1, 1, 1, 3], [4, 5, 6])];
  const inputs = [q, q, v];
  await writeTest(folder, "test_right", { operator: "Attention", inputs, outputs: [v] });
  await writeTest(folder, "test_wrong", {
    operator: "Attention",
    inputs,
    outputs: [floats([1, 1, 1, 3], [4, 5, 6.1])],
  });
  await writeTest(folder, "test_other_shape", { operator: "Attention", inputs, outputs: [floats([1, 3], [4, 5, 6])] });
  await writeTest(folder, "test_window", {
    operator: "Attention",
    attributes: { left_window_size: 4 },
    inputs,
    outputs: [v],
  });
  await writeTest(folder, "test_relu", { operator: "Relu", inputs: [q], outputs: [q] });
  await writeTest(folder, "test_preview", { operator: "Rope", domain: "ai.onnx.preview", inputs, outputs: [v] });
  await mkdir(join(folder, "test_empty"));
  await mkdir(join(folder, "not_a_test"));
  const results = await collect(folder);
  expect(results.map(({ name, status, detail }) => [name, status, detail])).toEqual([
    ["test_empty", "failed", expect.stringContaining("ENOENT")],
    ["test_other_shape", "failed", "test_data_set_0: output output0: expected shape [1, 3], got [1, 1, 1, 3]"],
    ["test_preview", "skipped", "operator ai.onnx.preview:Rope"],
    ["test_relu", "skipped", "operator Relu"],
    ["test_right", "passed", undefined],
    ["test_window", "skipped", "Attention attribute left_window_size"],
    ["test_wrong", "failed", expect.stringContaining("1 of 3 values differ, first at 2: expected 6.09")],
  ]);
});

test("two values agree within 1e-7 + 1e-3 |expected|, and NaN and infinities only with themselves", () => {
  const pair = (actual: number, expected: number) => difference(floats([1], [actual]), floats([1], [expected]));
  expect(pair(1.0009, 1)).toBeUndefined();
  expect(pair(1.002, 1)).toBeDefined();
  expect(pair(0.9e-7, 0)).toBeUndefined();
  expect(pair(2e-7, 0)).toBeDefined();
  expect(pair(Number.NaN, Number.NaN)).toBeUndefined();
  expect(pair(0, Number.NaN)).toBeDefined();
  expect(pair(Number.NaN, 0)).toBeDefined();
  expect(pair(-Infinity, -Infinity)).toBeUndefined();
  expect(pair(1e30, Infinity)).toBeDefined();
});

test.runIf(process.env["SACCADE_ONNX_TESTS"])("no test of the folder SACCADE_ONNX_TESTS fails", async () => {
  const results = await collect(process.env["SACCADE_ONNX_TESTS"]!);
  expect(results.filter(({ status }) => status === "failed")).toEqual([]);
  expect(results.some(({ status }) => status === "passed")).toBe(true);
});
