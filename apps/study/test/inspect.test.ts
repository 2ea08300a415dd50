import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

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

  it.each([
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
