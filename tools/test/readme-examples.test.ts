import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import { openRuntimeSync } from "@saccade/core";
import { beforeAll, describe, expect, test } from "vitest";
import { examplesOf } from "../src/examples.ts";
import { publicPackages, root, shortPath } from "../src/workspace.ts";

const execute = promisify(execFile);
const native = hasNative();
// Inside this package, so that the examples' imports resolve as they do for a user of the packages.
const folder = join(root, "tools", "generated", "readme");
const paths = [
  ...[root, ...publicPackages().map(({ directory }) => directory)].map((directory) => join(directory, "README.md")),
  join(root, "docs", "seeing.md"),
];
const pages = paths.map((path) => {
  const name = shortPath(path);
  const examples = existsSync(path) ? examplesOf(readFileSync(path, "utf8")) : [];
  const files = examples.map((code, index) => ({
    code,
    file: join(folder, `${name.replaceAll(/\W/g, "-")}-${index + 1}.ts`),
  }));
  return { path, name, files };
});

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const { code, file } of pages.flatMap((page) => page.files)) writeFileSync(file, code);
  const compilerOptions = {
    composite: false,
    isolatedDeclarations: false,
    declaration: false,
    emitDeclarationOnly: false,
    noEmit: true,
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../../tsconfig.base.json", compilerOptions, include: ["*.ts"] }),
  );
});

for (const { path, name, files } of pages) {
  describe(name, () => {
    test("exists", () => expect(existsSync(path)).toBe(true));
    for (const [index, { code, file }] of files.entries())
      test.skipIf(!native && code.includes('openRuntime("native"'))(`example ${index + 1} runs`, async () => {
        await execute(process.execPath, ["--conditions=@saccade/source", file], { timeout: 60_000 });
      });
  });
}

test("the root README and core's README show an example", () => {
  for (const page of ["README.md", "packages/core/README.md"])
    expect(pages.find(({ name }) => name === page)?.files.length, page).toBeGreaterThan(0);
});

test("the examples have the types that they show", async () => {
  const compiler = join(
    createRequire(join(root, "package.json")).resolve("typescript/package.json"),
    "..",
    "bin",
    "tsc",
  );
  const outcome = await execute(process.execPath, [compiler, "-p", folder], { timeout: 60_000 }).catch(
    (error: { stdout: string }) => error,
  );
  expect(outcome.stdout).toBe("");
});

/** Whether the addon was built and loads: without a C compiler it is not. */
function hasNative(): boolean {
  try {
    openRuntimeSync("native");
    return true;
  } catch {
    return false;
  }
}
