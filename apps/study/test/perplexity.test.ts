import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadTransformer } from "@saccade/nn/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeTinyModel } from "./tiny-model.ts";

const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "saccade-perplexity-"));
const [model, text] = [join(folder, "model"), join(folder, "text.txt")];
const letters = Array.from({ length: 700 }, (_, i) => String.fromCharCode(97 + ((i * i + 3 * i) % 26)));

beforeAll(() => {
  writeTinyModel(model);
  writeTinyModel(join(folder, "uniform"), { uniform: true });
  writeFileSync(text, letters.join(" "));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command from its source, as a user would. */
function perplexity(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const command = ["--conditions=@saccade/source", cli, "perplexity", ...args];
  return spawnSync(process.execPath, command, { encoding: "utf8" });
}

interface Shown {
  readonly length: number;
  readonly segments: number;
  readonly variants: readonly {
    readonly variant: string;
    readonly predictions: number;
    readonly perplexity: number;
    readonly ranges: readonly { from: number; to: number; predictions: number; perplexity: number }[];
  }[];
}

describe("saccade perplexity", () => {
  it("is the size of the vocabulary where a model knows nothing, at every length of context", () => {
    const { stdout } = perplexity("--model", join(folder, "uniform"), "--text", text, "--length", "300", "--json");
    const { variants } = JSON.parse(stdout) as Shown;
    expect(variants[0]!.perplexity).toBeCloseTo(27, 5);
    expect(variants[0]!.ranges.map(({ from, to, predictions }) => [from, to, predictions])).toEqual([
      [1, 64, 128],
      [65, 128, 128],
      [129, 256, 256],
      [257, 299, 86],
    ]);
    for (const range of variants[0]!.ranges) expect(range.perplexity).toBeCloseTo(27, 5);
  });

  it("is e to the mean loss of the model's own predictions", async () => {
    const { stdout } = perplexity("--model", model, "--text", text, "--segments", "1", "--length", "200", "--json");
    const { variants, segments } = JSON.parse(stdout) as Shown;
    const tokens = [0, ...letters.slice(0, 199).map((letter) => letter.charCodeAt(0) - 96)];
    const losses = await loadTransformer(model).losses(tokens);
    expect(segments).toBe(1);
    expect(variants[0]!.predictions).toBe(199);
    expect(variants[0]!.perplexity).toBeCloseTo(Math.exp(losses.reduce((sum, x) => sum + x, 0) / 199), 4);
  });

  it("compares variants: a window that sees all is dense, a short one differs where there is more to see", () => {
    const list = "dense,window:512,window:8:sinks=1,linear";
    const { status, stdout, stderr } = perplexity("--model", model, "--text", text, "--variants", list, "--json");
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const { variants, length, segments } = JSON.parse(stdout) as Shown;
    expect([length, segments]).toEqual([512, 1]);
    const [dense, wide, narrow, linear] = variants.map(({ ranges }) => ranges.at(-1)!.perplexity);
    expect(wide!).toBeCloseTo(dense!, 3);
    expect(Math.abs(narrow! / dense! - 1)).toBeGreaterThan(0.001);
    expect(Number.isFinite(linear)).toBe(true);
  });

  it("prints a table, and which variants would need training", () => {
    const { stdout } = perplexity("--model", model, "--text", text, "--variants", "dense,retention", "--length", "100");
    expect(stdout).toMatch(
      /^Perplexity on .*text\.txt, 4 segments of 100 tokens, by tokens before the predicted one\n/,
    );
    expect(stdout).toMatch(/context +predictions +dense +retention/);
    expect(stdout).toMatch(/1 to 64 +256 +\d+\.?\d* +\d/);
    expect(stdout).toMatch(/65 to 99 +140 /);
    expect(stdout).toMatch(/all +396 /);
    expect(stdout).toContain("Weights were not trained with retention");
  });

  it.each<[string[], number, RegExp]>([
    [[], 2, /perplexity expects a model and a text/],
    [["--model", "MODEL", "--text", "TEXT", "--variants", "windw:4"], 2, /--variants: .*windw/],
    [["--model", "MODEL", "--text", "TEXT", "--length", "1"], 2, /--length expects a whole number of at least 2/],
    [["--model", "MODEL", "--text", "TEXT", "--length", "9000"], 1, /has 700 tokens, a segment would have 9000/],
    [["--model", "MODEL", "--text", "nothing.txt"], 1, /cannot read nothing.txt/],
    [["--model", "nothing", "--text", "TEXT"], 1, /cannot read .*config\.json/],
  ])("says what is wrong with %o", (args, code, message) => {
    const { status, stderr } = perplexity(
      ...args.map((arg) => (arg === "MODEL" ? model : arg === "TEXT" ? text : arg)),
    );
    expect(stderr).toMatch(message);
    expect(status).toBe(code);
  });
});
