import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import type { CellRecord, MeasuredCell } from "../src/cells/record.ts";
import { finished, recordsOf, saccade, start } from "./run-saccade.ts";
import { bf16, writeSafetensors } from "./write-safetensors.ts";

// Each of them starts processes by the dozen.
vi.setConfig({ testTimeout: process.env["SACCADE_EXHAUSTIVE"] ? 1_800_000 : 600_000 });

const folder = mkdtempSync(join(tmpdir(), "study-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Cells of a fraction of a second. */
const FAST = ["--time-seconds", "0.01", "--rows", "0", "--needles", "none", "--tasks", "none", "--decode-steps", "3"];
const NOISE = ["--input", "gaussian", "--heads", "2", "--kv-heads", "1", "--head-dim", "16", ...FAST];

const measured = (cells: readonly CellRecord[]): MeasuredCell[] =>
  cells.map((cell) => {
    expect(cell).toMatchObject({ status: "measured" });
    return cell as MeasuredCell;
  });

describe("saccade study", () => {
  it("measures variants over lengths on real text, and writes each cell down", async () => {
    const args = ["--variants", "dense,window:64", "--lengths", "256,512", "--heads", "3", "--kv-heads", "3", ...FAST];
    const { code, stdout, stderr } = await saccade(folder, "study", ...args, "--name", "text");
    expect(stderr).toMatch(/^\[4\/4\] window:64, 512 tokens of text, auto: .* [mµ]?s, peak /m);
    expect(stdout).toMatch(/^report +results\/text\/report\.html$/m);
    expect(stdout).toContain("window:64");
    expect(code).toBe(0);
    const files = readdirSync(join(folder, "results/text"));
    expect(files.toSorted()).toEqual(["cells.csv", "cells.jsonl", "report.html", "report.md"]);

    const { header, machines, cells } = recordsOf(folder, "results/text");
    expect(header).toMatchObject({ version: 2, name: "text", grid: { lengths: [256, 512], runtimes: ["auto"] } });
    expect(header.inputs["text"]).toMatchObject({ heads: 3, kvHeads: 3, headDim: 64 });
    const [machine] = machines;
    expect(machine).toMatchObject({ command: `saccade study ${args.join(" ")} --name text` });
    expect(machine!.peakGflops).toBeGreaterThan(0);
    expect(machine!.peakGflopsOneThread).toBeGreaterThan(0);
    expect(machine!.readGBs).toBeGreaterThan(0.1);
    expect(cells.map((cell) => [cell.length, cell.variant])).toEqual([
      [256, "dense"],
      [256, "window:64"],
      [512, "dense"],
      [512, "window:64"],
    ]);
    for (const { machine: id, length, prefill, memory, decode } of measured(cells)) {
      expect(id).toBe(machine!.id);
      expect(prefill.medianMs).toBeGreaterThan(0);
      expect(prefill.p75Ms).toBeGreaterThanOrEqual(prefill.medianMs);
      expect(prefill.samples).toBeGreaterThanOrEqual(2);
      expect(prefill.tokensPerSecond).toBeCloseTo((1000 * length) / prefill.medianMs, 6);
      expect(prefill.peakShare).toBeGreaterThan(0);
      expect(memory).toMatchObject({ inputBytes: 3 * 3 * 256 * length, outputBytes: 3 * 256 * length, passes: 1 });
      expect(memory.planBytes).toBeGreaterThan(memory.outputBytes);
      expect(decode).toMatchObject({ steps: 3 });
      expect(decode!.p99Ms).toBeGreaterThanOrEqual(decode!.medianMs);
      expect(decode!.cacheBytes).toBeGreaterThan(0);
    }
    // Triangles: 64 D for each visible pair of 3 heads.
    expect(measured(cells)[2]!.prefill.flops).toBe(4 * 64 * 3 * ((512 * 513) / 2));
  });

  it("records what fails, hoards, hangs or crashes, and goes on", async () => {
    const file = fileURLToPath(new URL("own-variants.study.ts", import.meta.url));
    const { code, stderr } = await saccade(folder, "study", file);
    expect(code).toBe(0);
    const { cells } = recordsOf(folder, "results/own");
    expect(cells.map(({ variant, length, status }) => `${variant} ${length} ${status}`)).toEqual([
      "hoards 64 out-of-memory",
      "hangs 64 out-of-time",
      "crashes 64 failed",
      "throws 64 failed",
      "dense 64 measured",
      "hoards 128 too-large",
      "hangs 128 too-slow",
      "crashes 128 failed",
      "throws 128 failed",
      "dense 128 measured",
    ]);
    const reasons = cells.map((cell) => (cell.status === "measured" ? "" : cell.reason));
    expect(reasons[0]).toMatch(/^killed at [\d.]+ [MG]B beyond its inputs, in prefill$/);
    expect(reasons[1]).toBe("killed after 10.0 s, in prefill");
    expect(reasons[2]).toMatch(/^its process ended with signal SIGABRT, in prefill/);
    expect(reasons[3]).toBe("no keys today");
    expect(reasons[5]).toMatch(/^64 tokens were too many: killed at /);
    expect(stderr).toContain("[10/10]");
  });

  it("marks what cannot fit without running it", async () => {
    const args = ["--variants", "dense", "--lengths", "64,512k", "--memory", "0.06", "--cell-seconds", "1e6"];
    expect((await saccade(folder, "study", ...NOISE, ...args, "--name", "small")).code).toBe(0);
    const { cells } = recordsOf(folder, "results/small");
    expect(cells[1]).toMatchObject({
      status: "too-large",
      reason: expect.stringMatching(/^would hold .* beyond its inputs, of 60.0 MB$/),
    });
  });

  it("measures a capture up to its length, on several runtimes", async () => {
    const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i * i));
    const tensors = {
      "layer0.q": bf16([1, 70, 4, 16], numbers(70 * 64)),
      "layer0.k": bf16([1, 70, 2, 16], numbers(70 * 32)),
      "layer0.v": bf16([1, 70, 2, 16], numbers(70 * 32)),
    };
    writeSafetensors(join(folder, "capture.safetensors"), tensors, { layout: "bnhd", scale: "1" });
    const args = ["--qkv", "capture.safetensors", "--variants", "dense", "--runtime", "wasm,reference", ...FAST];
    expect((await saccade(folder, "study", ...args, "--name", "capture")).code).toBe(0);
    const { header, cells } = recordsOf(folder, "results/capture");
    expect(header.inputs["qkv"]).toMatchObject({ heads: 4, kvHeads: 2, headDim: 16 });
    expect(header.grid.inputs["qkv"]).toMatchObject({ file: "capture.safetensors", maxLength: 70 });
    expect(measured(cells).map(({ length, ran }) => [length, ran.runtime])).toEqual([
      [70, "wasm"],
      [70, "reference"],
    ]);
  });

  it("prints all that it knows with --json, and gives folders the preset's name and the time", async () => {
    const { code, stdout } = await saccade(folder, "study", ...NOISE, "--lengths", "64", "--json", "--out", "named");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      study: { gridHash: expect.any(String) },
      machines: [{}],
      cells: expect.arrayContaining([expect.objectContaining({ variant: "dense", length: 64 })]),
      conclusions: {},
    });
    expect(readdirSync(join(folder, "named"))).toEqual([expect.stringMatching(/^quick-\d{4}-\d\d-\d\d-\d{6}$/)]);
  });

  it("stops on an interrupt, keeps what it found and says how to go on", async () => {
    const args = ["study", ...NOISE, "--variants", "dense", "--lengths", "64,128,64k", "--cell-seconds", "600"];
    const child = start(folder, [...args, "--name", "stopped"]);
    let interrupted = false;
    child.stderr.on("data", (part: Buffer) => {
      if (!interrupted && part.toString().includes("[2/3]")) {
        interrupted = true;
        setTimeout(() => child.kill("SIGINT"), 300);
      }
    });
    const { code, stderr } = await finished(child);
    expect(code).toBe(130);
    expect(stderr).toContain(`saccade: interrupted; go on with\n  saccade ${args.join(" ")} --name stopped --resume\n`);
    expect(recordsOf(folder, "results/stopped").cells).toHaveLength(2);
  });
});

describe("a disk that cannot be written", () => {
  it.skipIf(process.getuid?.() === 0 || process.platform === "win32")("says that a folder is read-only", async () => {
    mkdirSync(join(folder, "locked"));
    chmodSync(join(folder, "locked"), 0o555);
    const { code, stderr } = await saccade(folder, "study", ...NOISE, "--lengths", "64", "--out", "locked");
    expect(stderr).toMatch(/^saccade: cannot write locked\/quick-.*: writing is not allowed \(EACCES\)\n$/);
    expect(code).toBe(1);
  });

  it.runIf(process.platform === "linux")("says that a file system cannot be written", async () => {
    const { code, stderr } = await saccade(folder, "study", ...NOISE, "--lengths", "64", "--out", "/sys/saccade");
    expect(stderr).toMatch(/^saccade: cannot write \/sys\/saccade\/quick-.*\(E\w+\)\n$/);
    expect(code).toBe(1);
  });

  it("says that its folder has a file in the way", async () => {
    writeFileSync(join(folder, "in-the-way"), "");
    const { code, stderr } = await saccade(folder, "study", ...NOISE, "--lengths", "64", "--out", "in-the-way");
    expect(stderr).toMatch(
      /^saccade: cannot write in-the-way\/quick-.*: a part of the path is no folder \(ENOTDIR\)\n$/,
    );
    expect(code).toBe(1);
  });
});

describe("help", () => {
  it("lists the commands, and the flags of one", async () => {
    expect((await saccade(folder, "--help")).stdout).toMatch(/study +Time, memory and accuracy/);
    expect((await saccade(folder, "study", "--help")).stdout).toContain("--needle-trials");
  });
});
