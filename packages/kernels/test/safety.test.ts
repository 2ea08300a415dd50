import { describe, expect, test } from "vitest";
import {
  EXHAUSTIVE,
  FAST,
  checkElementary,
  checkEmulatedAvx512,
  checkEmulatedNeon,
  checkMemory,
  checkSyntax,
  checkThreads,
} from "./safety/checks.ts";
import { findCompiler } from "./safety/compiler.ts";

const exhaustive = Boolean(process.env["SACCADE_EXHAUSTIVE"]);
const extent = exhaustive ? EXHAUSTIVE : FAST;
const tenth = { ...extent, problems: extent.problems / 10 };
const compiler = await findCompiler();
if (compiler === undefined) console.log("safety of the C kernels: skipped, no C compiler found");

describe.skipIf(compiler === undefined)("the C kernels", () => {
  test("touch no memory but their own, and are right on random jobs", { timeout: 3_600_000 }, async () => {
    for (const { ok, text } of await checkMemory(compiler!, extent)) expect(ok, text).toBe(true);
  });

  test("compile for instruction sets that this processor lacks", async () => {
    for (const { ok, text } of await checkSyntax(compiler!)) expect(ok, text).toBe(true);
  });

  test("are right on emulated lanes of AVX-512", { timeout: 1_800_000 }, async () => {
    for (const { ok, text } of await checkEmulatedAvx512(compiler!, tenth)) expect(ok, text).toBe(true);
  });

  test("have exp within 2 ulp", async () => {
    for (const { ok, text } of await checkElementary(compiler!, extent)) expect(ok, text).toBe(true);
  });

  test.runIf(exhaustive)("have no races between threads", { timeout: 3_600_000 }, async () => {
    const { ok, text } = await checkThreads(compiler!, tenth);
    expect(ok, text).toBe(true);
  });

  test.runIf(exhaustive)("are right on an emulated ARM processor", { timeout: 3_600_000 }, async () => {
    for (const { ok, text } of await checkEmulatedNeon(tenth)) expect(ok, text).toBe(true);
  });
});
