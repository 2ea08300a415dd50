// Which form of a recurrence is the fastest: steps, or chunks of so many tokens, for every instruction set that runs here.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openRuntimeSync } from "@saccade/core";
import { machineLine } from "./machine.ts";
import { compileC } from "./measure/compile-c.ts";

const SOURCE = fileURLToPath(new URL("../native/recurrence-forms.c", import.meta.url));
const KERNELS = fileURLToPath(new URL("../../packages/kernels/c", import.meta.url));
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  avx512: ["-mavx512f", "-mavx512dq", "-mavx512bw", "-mavx512vl", "-mavx2", "-mfma", "-mf16c"],
  avx2: ["-mavx2", "-mfma", "-mf16c"],
  neon: [],
  plain: [],
};
const CHUNKS = [8, 16, 32, 64];
const DECAYS = ["none", "head", "token", "channel"];
const RULES = ["additive", "delta", "general"];
const CASES = [
  ["none", "additive"],
  ["token", "additive"],
  ["channel", "additive"],
  ["none", "delta"],
  ["token", "delta"],
  ["channel", "delta"],
  ["channel", "general"],
] as const;
const TOKENS = 2048;
const HEADS = 8;

function compile(isa: string, form: string, program: string): void {
  const meaning = ["-O3", "-std=gnu17", "-ffp-contract=off", `-DSACCADE_ISA=${isa}`, `-I${KERNELS}`];
  compileC(SOURCE, [...meaning, ...FLAGS[isa]!, form], program);
}

/** Billions of operations a second, 4 D E a token whatever the rule and the form do. */
function rate(program: string, D: number, decay: string, rule: string): number {
  const words = [TOKENS, D, DECAYS.indexOf(decay), RULES.indexOf(rule)].map(String);
  const ms = Number(execFileSync(program, words, { encoding: "utf8" }));
  return (4 * D * D * TOKENS * HEADS) / ms / 1e6;
}

function runs(isa: string): boolean {
  try {
    openRuntimeSync("native", { instructionSet: isa });
    return true;
  } catch {
    return false;
  }
}

const folder = mkdtempSync(join(tmpdir(), "saccade-forms-"));
try {
  console.log(`${await machineLine()}\n${HEADS} heads, ${TOKENS} tokens, 1 thread: GFLOP/s of 4 D E a token\n`);
  for (const isa of Object.keys(FLAGS).filter(runs)) {
    const forms: [name: string, program: string][] = [
      ["steps", "-DRECUR_STEPS=1000000000"],
      ["as built", "-DSACCADE_AS_BUILT"],
      ...CHUNKS.map((chunk) => [`chunks of ${chunk}`, `-DRECUR_CHUNK=${chunk}`] as [string, string]),
    ];
    for (const [i, [, form]] of forms.entries()) compile(isa, form, join(folder, `${isa}-${i}`));
    console.log(`| ${isa}: D, decay, rule | ${forms.map(([name]) => name).join(" | ")} |`);
    console.log(`| --- |${forms.map(() => " ---: |").join("")}`);
    for (const D of [64, 128]) {
      for (const [decay, rule] of CASES) {
        const rates = forms.map((_, i) => rate(join(folder, `${isa}-${i}`), D, decay, rule).toFixed(0));
        console.log(`| ${D}, ${decay}, ${rule} | ${rates.join(" | ")} |`);
      }
    }
    console.log("");
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
