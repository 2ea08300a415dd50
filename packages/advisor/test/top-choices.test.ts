import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEvidence, recommend, VARIANTS, type Choice, type RecommendRequest } from "../src/index.ts";
import { madeStudy } from "./made-evidence.ts";
import { MACHINE } from "./made-machine.ts";

const EVIDENCE = readEvidence(
  madeStudy({
    dense: {},
    "window:1024:sinks=4": { far: 0.02, needles: 0.1, tasks: 0.1, cosine: 0.5 },
    "top-k-blocks:64": { far: 0.95, needles: 0.97, tasks: 0.9, cosine: 0.9 },
  }),
  "made.jsonl",
);
const ask = (request: RecommendRequest) => {
  const machine = request.runtime === "wasm" ? { ...MACHINE, runtime: "wasm", runtimeBytes: 30e6 } : MACHINE;
  return recommend(request, { machine, evidence: EVIDENCE });
};

let folder: string;
// Inside the package, so that programs find what they import.
beforeAll(() => {
  folder = mkdtempSync(join(import.meta.dirname, "programs-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the program of an answer, and returns what it wrote and the bytes that it came to hold beyond what it began with. */
function run({ code, id }: Choice): { readonly output: string; readonly bytes: number } {
  const file = join(folder, `${id.replaceAll(/\W/g, "-")}.mjs`);
  const begin = code.indexOf("\nconst [batch");
  const before = "\nconst before = process.memoryUsage.rss();";
  const after = "console.log(process.resourceUsage().maxRSS * 1024 - before);\n";
  writeFileSync(file, `${code.slice(0, begin)}${before}${code.slice(begin)}${after}`);
  const { stdout, stderr } = spawnSync(process.execPath, ["--conditions=@saccade/source", file], { encoding: "utf8" });
  expect(stderr).toBe("");
  const lines = stdout.trim().split("\n");
  return { output: lines.slice(0, -1).join("\n"), bytes: Number(lines.at(-1)) };
}

describe("the top choice", () => {
  const sizes = { heads: 8, kvHeads: 2, headDim: 64 };
  it.each<[string, RecommendRequest]>([
    ["of a local task", { ...sizes, seqLen: 16_384, phase: "prefill", task: "local", memoryBytes: 120e6 }],
    ["of a long prompt", { ...sizes, seqLen: 131_072, phase: "prefill", task: "local", memoryBytes: 700e6 }],
    ["of a prompt and steps", { ...sizes, seqLen: 8192, task: "retrieval", memoryBytes: 120e6 }],
    ["where the cache of dense attention is too large", { ...sizes, seqLen: 24_576, memoryBytes: 230e6 }],
    ["of weights to be trained", { ...sizes, seqLen: 8192, pretrained: "linear", memoryBytes: 100e6 }],
    ["in WebAssembly", { ...sizes, seqLen: 8192, runtime: "wasm", task: "local", memoryBytes: 130e6 }],
  ])(
    "%s fits into the memory that was allowed, and takes what was predicted",
    { timeout: 120_000 },
    async (_, request) => {
      const { choices } = await ask(request);
      const [top] = choices;
      const { bytes } = run(top!);
      expect(bytes).toBeLessThan(request.memoryBytes!);
      const { totalBytes } = top!.memory;
      expect(Math.abs(bytes - totalBytes)).toBeLessThan(Math.max(16e6, totalBytes > 256e6 ? 0.05 * totalBytes : 0));
    },
  );
});

describe("the program of an answer", () => {
  it("runs, for every variant of the catalogue", { timeout: 240_000 }, async () => {
    const sizes = { seqLen: 200, heads: 4, kvHeads: 2, headDim: 16, pretrained: "none" } as const;
    for (const phase of ["prefill", "both"] as const) {
      const variants = VARIANTS.map(({ name }) => name);
      const { choices, rejected } = await ask({ ...sizes, phase, variants });
      expect(choices.length + rejected.length).toBe(VARIANTS.length);
      // All in one process: starting one takes longer than running it.
      const programs = choices.map((choice, i) => {
        const file = join(folder, `${phase}-${i}.mjs`);
        writeFileSync(file, choice.code);
        return file;
      });
      const all = programs.map((file) => `await import(${JSON.stringify(file)});`).join("\n");
      writeFileSync(join(folder, "all.mjs"), all);
      const { stdout, stderr } = spawnSync(
        process.execPath,
        ["--conditions=@saccade/source", join(folder, "all.mjs")],
        { encoding: "utf8" },
      );
      expect(stderr).toBe("");
      const lines = stdout.trim().split("\n");
      expect(lines.length).toBe(choices.length);
      const expected =
        phase === "prefill" ? /^200 rows on (native|wasm)$/ : /^201 tokens in \d+ bytes on (native|wasm)$/;
      expect(lines.every((line) => expected.test(line))).toBe(true);
    }
  });
});
