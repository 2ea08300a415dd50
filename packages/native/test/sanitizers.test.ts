import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { compile, findCompiler, kernelsFor, type Compiler } from "../build/compiler.ts";

const exhaustive = Boolean(process.env["SACCADE_EXHAUSTIVE"]);
const found = exhaustive ? findCompiler() : "only in the exhaustive suite";
const root = fileURLToPath(new URL("..", import.meta.url));
const kernels = join(root, "..", "kernels", "c");

/** The harness with the pool and all kernels that this compiler makes, with a sanitizer built in. */
function buildHarness(compiler: Compiler, folder: string, sanitizer: string): string {
  const common = [
    "-std=c11",
    "-g1",
    "-O1",
    `-fsanitize=${sanitizer}`,
    "-fno-sanitize-recover=all",
    "-D_GNU_SOURCE",
    "-pthread",
  ];
  const isas = kernelsFor(compiler);
  const objects = isas.map(({ isa, flags }) => {
    const object = join(folder, `attend-${isa}.o`);
    const args = [...common, "-ffp-contract=off", `-DSACCADE_ISA=${isa}`, ...flags];
    compile(compiler, [...args, "-c", join(kernels, "attend.c"), "-o", object]);
    return object;
  });
  const harness = join(folder, "harness");
  const sources = ["c/pool.c", "c/guard.c", "c/memory.c", "c/isa.c", "test/pool-harness.c"].map((file) =>
    join(root, file),
  );
  const haves = isas.map(({ isa }) => `-DSACCADE_HAVE_${isa.toUpperCase()}`);
  compile(compiler, [
    ...common,
    ...haves,
    `-I${kernels}`,
    `-I${join(root, "c")}`,
    ...sources,
    ...objects,
    "-o",
    harness,
  ]);
  return harness;
}

describe.skipIf(typeof found === "string")("the pool and the kernels, used by several threads at once,", () => {
  let folder = "";
  beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "saccade-sanitizers-"))));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test.each(["thread", "address,undefined"])("are clean under -fsanitize=%s", (sanitizer) => {
    const harness = buildHarness(found as Compiler, folder, sanitizer);
    for (const threads of ["1", "2", "4", "8"]) {
      const { status, signal, stdout, stderr } = spawnSync(harness, [threads, "60"], { encoding: "utf8" });
      expect({ status, signal, stderr }).toEqual({ status: 0, signal: null, stderr: "" });
      expect(stdout).toContain("0 failures");
    }
  });
});
