import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { main } from "../src/main.ts";
import { bf16, writeSafetensors } from "./write-safetensors.ts";

const folder = mkdtempSync(join(tmpdir(), "command-line-"));
const home = process.cwd();
beforeAll(() => process.chdir(folder));
afterAll(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

/** Runs a command line that fails before it starts anything, in this process. */
async function failed(args: string[]): Promise<{ readonly code: unknown; readonly stderr: string }> {
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  const before = process.exitCode;
  try {
    await main(args);
    return { code: process.exitCode, stderr: write.mock.calls.map(([text]) => String(text)).join("") };
  } finally {
    process.exitCode = before;
    write.mockRestore();
  }
}

describe("a command line that is wrong", () => {
  it.each<[string[], RegExp]>([
    [["stady"], /there is no command "stady"; there is study/],
    [["study", "--length", "512"], /there is no --length; --help lists what there is/],
    [["study", "a.json", "b.json"], /expected only flags, got "b.json"/],
    [["study", "--lengths", "12q"], /--lengths expects sizes such as 512 or 4k, got "12q"/],
    [["study", "--heads", "4", "--kv-heads", "3"], /3 key heads do not divide 4 query heads/],
    [["study", "--variants", "dense,magic"], /"magic"/],
    [["study", "--variants", "window:0"], /window/],
    [["study", "--preset", "all"], /--preset expects quick, standard, long, got "all"/],
    [["study", "--threads", "0"], /--threads expects a whole number of at least 1, got "0"/],
    [["study", "--runtime", "auto,gpu"], /--runtime expects auto, native, wasm, reference, got "gpu"/],
    [["study", "--needles", "0,2"], /--needles expects depths from 0 to 1, got "2"/],
    [["study", "--shard", "4/3"], /--shard expects I\/N with I from 1 to N, got "4\/3"/],
    [["study", "--name", "a/b"], /--name expects letters, digits/],
    [["study", "--out"], /--out expects a value/],
    [["study", "--qkv", "x.safetensors", "--heads", "2"], /--heads does not go with --qkv/],
    [["study", "--lengths", "4m"], /length 4194304 is more than the \d+ tokens that there are/],
    [["study", "--resume", "--out", "nowhere"], /nowhere has no study of this grid to resume/],
    [["study", "nothing.json"], /cannot read nothing.json: ENOENT/],
    [["merge", "whole"], /merge expects OUT SHARD/],
  ])("says what was expected: %j", async (args, message) => {
    const { code, stderr } = await failed(args);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });

  it.each<[string, unknown, RegExp]>([
    ["not-json", "{", /not-json.json: is not JSON/],
    ["list", [], /list.json: a study must be object/],
    ["unknown", { variant: ["dense"] }, /unknown.json: a study has no setting "variant"/],
    ["negative", { lengths: [512, -4] }, /negative.json: lengths.1 must/],
    ["kind", { inputs: { a: { kind: "noise" } } }, /kind.json: inputs.a.kind must be text, gaussian or safetensors/],
    ["extra", { measure: { rows: 4 } }, /extra.json: measure has no setting "rows"/],
    ["preset", { preset: "huge" }, /preset.json: preset must be one of quick, standard, long/],
  ])("says what is wrong with a file: %s", async (name, content, message) => {
    writeFileSync(join(folder, `${name}.json`), typeof content === "string" ? content : JSON.stringify(content));
    const { code, stderr } = await failed(["study", `${name}.json`]);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect(code).toBe(2);
  });

  it("names an input that cannot be read, or is cut off, and writes nothing", async () => {
    writeSafetensors(join(folder, "whole.safetensors"), { q: bf16([1, 1, 4, 8], new Float32Array(32)) });
    const whole = readFileSync(join(folder, "whole.safetensors"));
    writeFileSync(join(folder, "cut.safetensors"), whole.subarray(0, whole.length - 4));
    writeFileSync(join(folder, "beginning.safetensors"), whole.subarray(0, 20));
    for (const [args, message] of [
      [["--text", "nothing.txt"], /^saccade: text: cannot read nothing.txt: ENOENT.*\n$/],
      [["--qkv", "cut.safetensors"], /^saccade: safetensors: cut.safetensors: q ends at byte \d+, the file has \d+\n$/],
      [
        ["--qkv", "beginning.safetensors"],
        /^saccade: safetensors: beginning.safetensors: its header would be \d+ bytes long, the file has 20\n$/,
      ],
    ] as const) {
      const { code, stderr } = await failed(["study", ...args, "--out", "unmade"]);
      expect(stderr).toMatch(message);
      expect(code).toBe(1);
    }
    expect(existsSync(join(folder, "unmade"))).toBe(false);
  });
});
