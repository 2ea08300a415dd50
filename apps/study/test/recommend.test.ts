import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Recommendation } from "@saccade/advisor";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { saccadeSync } from "./run-saccade.ts";
import { writeSafetensors } from "./write-safetensors.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "saccade-recommend-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command from its source, with a cache folder that all calls here share. */
const saccade = (...args: string[]) => saccadeSync(["recommend", ...args], { XDG_CACHE_HOME: folder });

const SIZES = ["--heads", "8", "--kv-heads", "2", "--head-dim", "64"] as const;

describe("saccade recommend", () => {
  it("lists choices, reasons and a program", { timeout: 120_000 }, () => {
    const { status, stdout, stderr } = saccade("--length", "16k", ...SIZES, "--memory", "2GB", "--task=local");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toContain("a prompt and steps at 16k tokens, 1 x 8 heads on 2, D 64, 1 layer; task local");
    expect(stdout).toMatch(/variant +prompt +step +memory/);
    expect(stdout).toContain("weights must be trained with it, yours were trained with softmax attention");
    expect(stdout).toContain("npm install @saccade/");
  });

  it("prints the whole answer as JSON, with plans of models", { timeout: 120_000 }, () => {
    const { status, stdout } = saccade("--length=8k", ...SIZES, "--layers=24", "--phase=decode", "--json");
    expect(status).toBe(0);
    const answer = JSON.parse(stdout) as Recommendation;
    expect(answer.request.seqLen).toBe(8192);
    expect(answer.modelPlans.map(({ name }) => name)).toContain("local:global 5:1");
    expect(answer.choices.length + answer.rejected.length).toBeGreaterThan(30);
  });

  it("says that nothing meets a request, names the nearest, and exits with 1", { timeout: 120_000 }, () => {
    const { status, stdout } = saccade("--length", "64k", ...SIZES, "--memory", "1MB", "--no-code");
    expect(status).toBe(1);
    expect(stdout).toMatch(/nothing meets this\. The nearest is .*: takes \d+ MB, 1 MB are allowed/);
  });

  it("measures on a capture", { timeout: 120_000 }, () => {
    const file = join(folder, "capture.safetensors");
    const rows = (heads: number, seed: number) => {
      const numbers = Float32Array.from({ length: heads * 512 * 16 }, (_, i) => Math.sin(i * seed));
      return { dtype: "F32", shape: [1, heads, 512, 16], bytes: new Uint8Array(numbers.buffer) } as const;
    };
    writeSafetensors(file, { q: rows(4, 0.37), k: rows(2, 0.73), v: rows(2, 0.91) });
    const { status, stdout, stderr } = saccade(
      "--qkv",
      file,
      "--phase=prefill",
      "--min-mass-recall",
      "0.9",
      "--no-code",
    );
    expect(stderr).toBe("");
    expect(status).toBe(0);
    expect(stdout).toContain("measured: keeps 100% of dense attention's mass");
    expect(stdout).toMatch(/window:256:sinks=4.*: keeps \d+% of dense attention's mass on your queries and keys, 90%/);
    expect(stdout).toContain("A pattern for every head");
  });

  it("says what is wrong with a command line", () => {
    writeFileSync(join(folder, "cut.safetensors"), "cut");
    for (const [args, status, message] of [
      [[], 2, "saccade: --heads is missing; as in --length 32k --heads 8 --head-dim 64\n"],
      [["--length", "many", ...SIZES], 2, 'saccade: --length expects tokens such as 512, 32k or 1m, got "many"\n'],
      [["--length=4k", ...SIZES, "--memory=2"], 2, 'saccade: --memory expects bytes such as 500MB or 2GB, got "2"\n'],
      [["--length=4k", ...SIZES, "--latency=5"], 2, 'saccade: --latency expects a time such as 5ms or 2s, got "5"\n'],
      [
        ["--length=4k", "--heads=8", "--head-dim=64", "--kv-heads=3"],
        2,
        "saccade: --kv-heads 3 does not divide --heads 8\n",
      ],
      [
        ["--length=4k", ...SIZES, "--task=guess"],
        2,
        'saccade: --task expects local, retrieval, aggregation, mixed, got "guess"\n',
      ],
      [
        ["--length=4k", ...SIZES, "--min-mass-recall=0.9"],
        2,
        "saccade: --min-mass-recall needs --qkv to measure it on\n",
      ],
      [["--length=4k", ...SIZES, "--no-causal"], 2, "saccade: --no-causal goes with --phase prefill only\n"],
      [["--length=4k", ...SIZES, "--wide"], 2, "saccade: there is no --wide; --help lists what there is\n"],
    ] as const) {
      expect(saccade(...args)).toMatchObject({ status, stderr: message });
    }
    const typed = saccade("--length=4k", ...SIZES, "--variants=windw");
    expect(typed.status).toBe(2);
    expect(typed.stderr).toMatch(/^saccade: --variants: there is no variant "windw"; did you mean "window"\?.*\n$/);
    const cut = saccade("--qkv", join(folder, "cut.safetensors"));
    expect(cut.status).toBe(1);
    expect(cut.stderr).toMatch(/^saccade: .*cut\.safetensors.*\n$/);
  });
});
