import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { root } from "../src/workspace.ts";

const vitest = join(dirname(createRequire(import.meta.url).resolve("vitest/package.json")), "vitest.mjs");
const folder = join(root, "tools", "generated", "summary");
const files: Record<string, string> = {
  "passes.test.ts": `import { test } from "vitest"; test("a", () => {}); test("b", () => {}); test.skip("c", () => {});`,
  "fails.test.ts": `import { test } from "vitest"; test("a", () => { throw new Error("no"); }); test("b", () => {});`,
  "does-not-load.test.ts": `throw new Error("no");`,
  "hook-fails.test.ts": `import { afterAll, test } from "vitest"; afterAll(() => { throw new Error("no"); }); test("a", () => {});`,
  "rejects-outside.test.ts": `import { test } from "vitest"; test("a", () => { void Promise.reject(new Error("no")); });`,
};
let cases = "";

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  cases = mkdtempSync(join(folder, "run-"));
  for (const [name, code] of Object.entries(files)) writeFileSync(join(cases, name), code);
  writeFileSync(
    join(cases, "vitest.config.ts"),
    `export default { test: { reporters: ["${root}/tools/src/summary-reporter.ts"] } };`,
  );
});

afterAll(() => rmSync(cases, { recursive: true, force: true }));

function lastLineAndStatus(...filters: string[]): Promise<[string | undefined, number]> {
  return new Promise((resolve) => {
    execFile(process.execPath, [vitest, "run", ...filters], { cwd: cases, timeout: 60_000 }, (error, stdout) => {
      resolve([stdout.trimEnd().split("\n").at(-1), typeof error?.code === "number" ? error.code : 0]);
    });
  });
}

test("tests that pass", async () => {
  expect(await lastLineAndStatus("passes")).toEqual(["2 passed, 0 failed, 1 skipped", 0]);
});

test("failures of a test, of a file, of a hook and outside any test all count", async () => {
  expect(await lastLineAndStatus("passes", "fails", "does-not-load", "rejects-outside")).toEqual([
    "5 passed, 4 failed, 1 skipped",
    1,
  ]);
});

test("a run without tests fails", async () => {
  expect(await lastLineAndStatus("no-such-file")).toEqual(["0 passed, 1 failed, 0 skipped", 1]);
});
