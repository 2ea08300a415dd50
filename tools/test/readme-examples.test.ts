import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { examplesOf } from "../src/examples.ts";
import { publicPackages, root, shortPath } from "../src/workspace.ts";

const execute = promisify(execFile);
// Inside this package, so that the examples' imports resolve as they do for a user of the packages.
const folder = join(root, "tools", "generated", "readme");
const pages = [root, ...publicPackages().map(({ directory }) => directory)].map((directory) => join(directory, "README.md"));

for (const page of pages) {
  const name = shortPath(page);
  describe(name, () => {
    test("exists", () => expect(existsSync(page)).toBe(true));
    for (const [index, code] of (existsSync(page) ? examplesOf(readFileSync(page, "utf8")) : []).entries()) {
      test(`example ${index + 1} runs`, async () => {
        mkdirSync(folder, { recursive: true });
        const file = join(folder, `${name.replaceAll(/\W/g, "-")}-${index + 1}.ts`);
        writeFileSync(file, code);
        await execute(process.execPath, ["--conditions=@saccade/source", file], { timeout: 60_000 });
      });
    }
  });
}

test("the root README and core's README show an example", () => {
  for (const page of ["README.md", "packages/core/README.md"])
    expect(examplesOf(readFileSync(join(root, page), "utf8")).length, page).toBeGreaterThan(0);
});
