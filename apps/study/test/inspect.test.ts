import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Sequence } from "@saccade/nn";
import { loadTransformer } from "@saccade/nn/node";
import { afterAll, describe, expect, it } from "vitest";
import { writeTinyModel } from "./tiny-model.ts";

const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "saccade-inspect-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs the command from its source, as a user would. */
function inspect(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const command = ["--conditions=@saccade/source", cli, "inspect", ...args];
  return spawnSync(process.execPath, command, { encoding: "utf8" });
}

const SENTENCE = "The trophy didn't fit in the suitcase because it was too big";

interface Shown {
  readonly tokens: readonly string[];
  readonly variant: string;
  readonly heads: readonly {
    readonly name: string;
    readonly attention: readonly { readonly attention: string; readonly weights: readonly number[] }[];
    readonly comparison?: Record<string, unknown>;
  }[];
}

describe("saccade inspect", () => {
  it("prints the text with weights, and whether a window still finds the trophy", () => {
    const { status, stdout } = inspect(
      "--text",
      SENTENCE,
      "--query",
      "it",
      "--expect",
      "trophy",
      "--variant",
      "window:4",
    );
    expect(status).toBe(0);
    expect(stdout).toContain('What "it" looks at. Constructed heads');
    const head = stdout.slice(stdout.indexOf("head 3, reference"));
    expect(head).toMatch(/dense +The trophy\(0\.9\d\) didn't fit in the suitcase because \[it\] was too big/);
    expect(head).toMatch(/window:4 +The trophy didn't fit in the\(0\.\d\d\) suitcase/);
    expect(head).toMatch(/it -> trophy, 7 back: dense gives it 0\.9\d\d \(rank 1\), window:4 does not see it/);
    expect(head).toMatch(/the reference is dropped; .* dropped from 4 tokens on/);
  });

  it("finds it with a window that is long enough", () => {
    const { stdout } = inspect("--text", SENTENCE, "--query", "it", "--expect", "trophy", "--variant", "window:8");
    expect(stdout).toMatch(/window:8 gives it 0\.9\d\d \(rank 1\).*the reference is kept.*dropped from 8 tokens on/);
  });

  it("prints JSON whose rows sum to 1, for one head where one is asked for", () => {
    const { stdout } = inspect(
      "--text",
      SENTENCE,
      "--query",
      "#8",
      "--head",
      "1",
      "--variant",
      "top-k-blocks:2:k=2",
      "--json",
    );
    const { tokens, variant, heads } = JSON.parse(stdout) as Shown;
    expect(tokens).toEqual(SENTENCE.split(" "));
    expect(variant).toBe("top-k-blocks:2:k=2");
    expect(heads.map(({ name }) => name)).toEqual(["local"]);
    for (const { weights } of heads[0]!.attention) {
      expect(weights.reduce((sum, weight) => sum + weight)).toBeCloseTo(1, 5);
      expect(weights.slice(9)).toEqual([0, 0, 0]);
    }
    expect(heads[0]!.attention.map(({ attention }) => attention)).toEqual(["dense", "top-k-blocks:2:k=2"]);
    expect(heads[0]!.attention[1]!.weights.filter((weight) => weight > 0).length).toBe(3);
  });

  it("takes any causal variant of the catalogue, linear ones too", () => {
    for (const variant of ["retention", "native-sparse", "chunk:4", "dilated-segments"]) {
      const { status, stderr } = inspect("--text", SENTENCE, "--query", "it", "--head", "0", "--variant", variant);
      expect({ variant, status, stderr }).toEqual({ variant, status: 0, stderr: "" });
    }
  });

  it("writes a picture and a page of each head", () => {
    const { stdout } = inspect("--text", SENTENCE, "--query", "it", "--out", folder);
    const names = [0, 1, 2].flatMap((head) => [`constructed-head-${head}.html`, `constructed-head-${head}.svg`]);
    expect(
      readdirSync(folder)
        .filter((name) => name.startsWith("constructed"))
        .sort(),
    ).toEqual(names);
    for (const name of names) expect(stdout).toContain(join(folder, name));
    expect(readFileSync(join(folder, names[1]!), "utf8")).toMatch(/^<svg xmlns=/);
    expect(readFileSync(join(folder, names[0]!), "utf8")).toMatch(/^<!doctype html>/);
  });

  it.each(["dense", "window:4"])("draws the picture of the documentation: %s", (variant) => {
    const to = join(folder, "pictures");
    inspect(
      "--text",
      SENTENCE,
      "--query",
      "it",
      "--expect",
      "trophy",
      "--head",
      "3",
      "--variant",
      variant,
      "--out",
      to,
    );
    const shown = new URL(`../../../docs/seeing/${variant.replace(":", "-")}.svg`, import.meta.url);
    expect(readFileSync(join(to, "constructed-head-3.svg"), "utf8")).toBe(readFileSync(shown, "utf8"));
  });

  describe("with a model", () => {
    const model = join(folder, "model");
    const letters = "a b c d e f a b c";
    writeTinyModel(model);

    it("shows the weights of its layer, of tokens with what the tokenizer puts in front", async () => {
      const shown = inspect("--model", model, "--layer", "0", "--text", letters, "--query", "e", "--json");
      const { tokens, heads } = JSON.parse(shown.stdout) as Shown;
      expect(tokens.map((token) => token.trim())).toEqual(["<s>", ...letters.split(" ")]);
      const transformer = loadTransformer(model);
      const ids = [0, ...letters.split(" ").map((letter) => letter.charCodeAt(0) - 96)];
      let first: Sequence | undefined;
      await transformer.run(ids, {}, (layer) => async (x) => {
        if (layer === 0) first = { ...x, data: x.data.slice() };
        return (await transformer.attentions[layer]!.forward(x)).out;
      });
      const layer = transformer.attentions[0]!;
      const { weights } = await layer.forward(first!, undefined, { needWeights: true, averageWeights: false });
      expect(heads.map(({ name }) => name)).toEqual(["0", "1"]);
      for (const [head, { attention }] of heads.entries()) {
        for (const [j, weight] of attention[0]!.weights.entries()) {
          expect(weight).toBeCloseTo(weights![(head * 10 + 5) * 10 + j]!, 5);
        }
      }
    });

    it("takes the last layer where none is named, and compares a variant", () => {
      const { stdout, stderr } = inspect(
        "--model",
        model,
        "--text",
        letters,
        "--query",
        "f",
        "--expect",
        "a",
        "--variant",
        "window:3",
      );
      expect(stderr).toBe("");
      expect(stdout).toContain("Layer 1 of 2 of the model in");
      expect(stdout).toMatch(/f -> a, 5 back: dense gives it 0\.\d+ \(rank \d+\), window:3 does not see it/);
      expect(stdout).not.toContain("with more or less text between");
    });

    it.each([
      [["--layer", "2"], 1, "the model has layers 0 to 1, not 2"],
      [["--head", "2"], 2, '--head expects one of 0 to 1, got "2"'],
      [["--query", "trophy"], 2, '--query: there is no "trophy" in the text'],
    ])("says what is wrong with %o", (args, status, message) => {
      const shown = inspect("--model", model, "--text", letters, ...args);
      expect(shown).toMatchObject({ status, stderr: expect.stringContaining(message) as string });
    });
  });

  it.each([
    [["--text", SENTENCE, "--layer", "0"], "--layer goes with --model"],
    [[], "inspect expects a text"],
    [["--text", " . ", "--query", "it"], '--query: there is no "it" in the text'],
    [["--text", " "], "--text expects at least one word"],
    [["--text", SENTENCE, "--query", "it", "--expect", "big"], '--expect: there is no "big" before #8, only after it'],
    [["--text", SENTENCE, "--head", "7"], '--head expects one of 0 to 2, got "7"'],
    [["--text", SENTENCE, "--variant", "windows"], '--variant: there is no variant "windows"'],
    [["--text", SENTENCE, "--head-dim", "7"], '--head-dim expects an even number, got "7"'],
  ])("says what is wrong with %o", (args, message) => {
    const { status, stderr } = inspect(...args);
    expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(message) as string });
  });
});
