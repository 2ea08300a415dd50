import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import type { CellRecord, MeasuredCell, StudyHeader } from "../src/study/record.ts";
import { bf16, writeSafetensors } from "./write-safetensors.ts";

const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "study-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command from its source, as a user would. */
function saccade(...args: string[]): Promise<Finished> {
  const child = spawn(process.execPath, ["--conditions=@saccade/source", cli, ...args], { cwd: folder });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (part: Buffer) => (text[name] += part));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, ...text })));
}

function results(out: string): { header: StudyHeader; cells: CellRecord[]; report: string; files: string[] } {
  const files = readdirSync(join(folder, out)).toSorted();
  const read = (ending: string): string =>
    readFileSync(
      join(
        folder,
        out,
        files.find((file) => file.endsWith(ending))!,
      ),
      "utf8",
    );
  const [header, ...cells] = read(".jsonl")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
  return { header: header as StudyHeader, cells: cells as CellRecord[], report: read(".md"), files };
}

const measured = (cells: readonly CellRecord[]): MeasuredCell[] =>
  cells.map((cell) => {
    expect(cell).toMatchObject({ status: "measured" });
    return cell as MeasuredCell;
  });

describe("saccade study", () => {
  it("measures dense and naive attention on real text and writes JSON lines and a report", async () => {
    const { code, stdout, stderr } = await saccade("study", "--preset", "smoke", "--out", "smoke");
    expect(stderr).toMatch(/^\[4\/4\] naive, 512 tokens: .* m?s, peak /m);
    expect(stdout).toMatch(/^length +system +time/m);
    expect(code).toBe(0);

    const { header, cells, report, files } = results("smoke");
    expect(files).toHaveLength(4);
    expect(files.filter((file) => file.endsWith(".svg"))).toHaveLength(2);
    expect(header).toMatchObject({ record: "study", version: 1, heads: 3, kvHeads: 3, headDim: 64 });
    expect(header.environment.command).toBe("saccade study --preset smoke --out smoke");
    expect(cells.map((cell) => [cell.length, cell.system])).toEqual([
      [256, "dense"],
      [256, "naive"],
      [512, "dense"],
      [512, "naive"],
    ]);
    for (const cell of measured(cells)) {
      expect(cell.medianMs).toBeGreaterThan(0);
      expect(cell.minMs).toBeLessThanOrEqual(cell.medianMs);
      expect(cell.peakBytes).toBeGreaterThanOrEqual(0);
      expect(cell.maxAbsError).toBeLessThan(1e-5);
      expect(cell.visiblePairs).toBe((3 * cell.length * (cell.length + 1)) / 2);
      expect(cell.visitedPairs).toBeGreaterThanOrEqual(cell.visiblePairs);
      expect(cell.retrieval!.scored).toBeGreaterThan(0);
      expect(cell.retrieval!.correct).toBeGreaterThanOrEqual(0.9 * cell.retrieval!.scored);
    }
    expect(report).toContain("| length | system | time |");
    expect(report).toContain("| command | `saccade study --preset smoke --out smoke` |");
    for (const file of report.matchAll(/!\[.*\]\((.*)\)/g))
      expect(existsSync(join(folder, "smoke", file[1]!))).toBe(true);
  });

  it("records what does not fit and what would take too long as results", async () => {
    const args = [
      "--lengths",
      "64,1k",
      "--heads",
      "1",
      "--memory",
      "0.003",
      "--call-seconds",
      "0.0001",
      "--out",
      "limits",
    ];
    const { code, stdout } = await saccade("study", ...args);
    expect(code).toBe(0);
    const { cells } = results("limits");
    expect(cells.map((cell) => cell.status)).toEqual(["measured", "measured", "too-slow", "too-large"]);
    expect(stdout).toMatch(/too large: would hold 5\.\d+ MB, 3\.00 MB are available/);
  });

  it("tells that dense attention does not retrieve, compares nothing with it and fails", async () => {
    // Keys of 8 signs cannot tell a thousand n-grams apart.
    const args = ["--lengths", "2048", "--heads", "1", "--head-dim", "8", "--out", "blind"];
    const { code, stdout } = await saccade("study", ...args);
    expect(code).toBe(1);
    expect(results("blind").cells.map((cell) => cell.status)).toEqual(["measured", "not-compared"]);
    expect(stdout).toContain("Dense attention does not retrieve at 2048 tokens");
  });

  it("measures random numbers without a causal mask", async () => {
    const args = ["--input", "gaussian", "--no-causal", "--lengths", "96", "--threads", "1", "--out", "gaussian"];
    expect((await saccade("study", ...args)).code).toBe(0);
    const [dense, naive] = measured(results("gaussian").cells);
    expect(dense).toMatchObject({ threads: 1, visiblePairs: 6 * 96 * 96 });
    expect(dense!.retrieval).toBeUndefined();
    expect(naive!.maxAbsError).toBeLessThan(1e-6);
  });

  it("measures a capture up to its length, with its scale", async () => {
    const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
    const tensors = {
      "layer0.q": bf16([1, 70, 4, 16], numbers(70 * 64)),
      "layer0.k": bf16([1, 70, 2, 16], numbers(70 * 32)),
      "layer0.v": bf16([1, 70, 2, 16], numbers(70 * 32)),
    };
    writeSafetensors(join(folder, "capture.safetensors"), tensors, { layout: "bnhd", scale: "1" });
    const { code, stdout } = await saccade("study", "--qkv", "capture.safetensors", "--out", "capture");
    expect(stdout).toContain("on capture.safetensors, layer0, BF16");
    expect(code).toBe(0);
    const { header, cells } = results("capture");
    expect(header).toMatchObject({ heads: 4, kvHeads: 2, headDim: 16 });
    for (const cell of measured(cells)) {
      expect(cell.length).toBe(70);
      expect(cell.maxAbsError).toBeLessThan(1e-6);
    }
  });

  it("stops on an interrupt, keeps what it found and leaves no process behind", async () => {
    const args = [
      "--conditions=@saccade/source",
      cli,
      "study",
      "--input",
      "gaussian",
      "--lengths",
      "64,8k,16k",
      "--out",
      "stopped",
    ];
    const child = spawn(process.execPath, args, { cwd: folder });
    let stderr = "";
    child.stderr.on("data", (part: Buffer) => {
      const before = stderr;
      stderr += part.toString();
      if (stderr.includes("[2/6]") && !before.includes("[2/6]")) child.kill("SIGINT");
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(1);
    expect(stderr).toContain("saccade: interrupted");
    expect(results("stopped").report).toContain("| 64 | naive |");
  });
});

describe("a command line that is wrong", () => {
  it.each<[string[], RegExp]>([
    [["stady"], /there is no command "stady"; there is study/],
    [["study", "--length", "512"], /there is no --length; --help lists what there is/],
    [["study", "512"], /expected only flags, got "512"/],
    [["study", "--lengths", "12q"], /--lengths expects sizes such as 512 or 4k, got "12q"/],
    [["study", "--heads", "4", "--kv-heads", "3"], /--kv-heads 3 does not divide --heads 4/],
    [["study", "--systems", "dense,magic"], /--systems: no system is called "magic"; there are dense, naive/],
    [["study", "--preset", "all"], /--preset expects start, smoke, long, million, got "all"/],
    [["study", "--threads", "0"], /--threads expects a whole number of at least 1, got "0"/],
    [["study", "--out"], /--out expects a value/],
    [["study", "--qkv", "x.safetensors", "--heads", "2"], /--heads does not go with --qkv/],
  ])("says what was expected: %j", async (args, message) => {
    const { code, stderr } = await saccade(...args);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  it("names a file that cannot be read", async () => {
    const { code, stderr } = await saccade("study", "--text", "nothing.txt");
    expect(stderr).toMatch(/^saccade: text: cannot read nothing.txt: ENOENT/);
    expect(code).toBe(1);
  });

  it("refuses lengths beyond the text", async () => {
    const { code, stderr } = await saccade("study", "--lengths", "4m");
    expect(stderr).toMatch(/length 4194304 is more than the \d+ tokens of lib.dom.d.ts/);
    expect(code).toBe(1);
  });
});

describe("help", () => {
  it("lists the commands, and the flags of one", async () => {
    expect((await saccade("--help")).stdout).toMatch(/study +Memory, time and accuracy/);
    expect((await saccade("study", "--help")).stdout).toContain("--no-causal");
  });
});
