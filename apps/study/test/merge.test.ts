import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { linesIn, recordsOf, saccade, withoutTimings } from "./run-saccade.ts";

// Each of them starts processes by the dozen.
vi.setConfig({ testTimeout: process.env["SACCADE_EXHAUSTIVE"] ? 1_800_000 : 600_000 });

const folder = mkdtempSync(join(tmpdir(), "merge-"));
afterAll(() => rmSync(folder, { recursive: true }));

const GRID = [
  ["study", "--input", "gaussian", "--heads", "2", "--kv-heads", "1", "--head-dim", "16"],
  ["--variants", "dense,window:8,window:16", "--lengths", "16,32,64"],
  ["--time-seconds", "0.001", "--rows", "4", "--needles", "0.5", "--needle-trials", "1", "--tasks", "single"],
  ["--decode-steps", "2", "--out", "."],
].flat();

describe("saccade merge", () => {
  it("makes of 3 shards what one run makes, but for timings", async () => {
    await saccade(folder, ...GRID, "--name", "one");
    for (const index of [1, 2, 3]) await saccade(folder, ...GRID, "--name", `part-${index}`, "--shard", `${index}/3`);
    const { code, stdout, stderr } = await saccade(folder, "merge", "merged", "part-3", "part-1", "part-2/cells.jsonl");
    expect(stderr).toBe("");
    expect(stdout).toMatch(/^machine [0-9a-f]{16}: .*: 9 cells$/m);
    expect(code).toBe(0);

    const [one, merged] = [recordsOf(folder, "one"), recordsOf(folder, "merged")];
    expect(merged.header).toEqual({ ...one.header, name: "merged" });
    expect(merged.cells.map(withoutTimings)).toEqual(one.cells.map(withoutTimings));
    expect(merged.machines).toHaveLength(1);
    for (const index of [1, 2, 3]) expect(recordsOf(folder, `part-${index}`).cells).toHaveLength(3);
  });

  it("tells that cells ran on different machines", async () => {
    const [machine] = recordsOf(folder, "part-3").machines;
    const elsewhere = linesIn(folder, "part-3").map((line) => line.replaceAll(machine!.id, "0123456789abcdef"));
    writeFileSync(join(folder, "elsewhere.jsonl"), `${elsewhere.join("\n")}\n`);
    const { stdout } = await saccade(folder, "merge", "mixed", "part-1", "part-2", "elsewhere.jsonl");
    expect(stdout).toMatch(/^machine 0123456789abcdef: .*: 3 cells\nCells ran on different machines/m);
    const { machines, cells } = recordsOf(folder, "mixed");
    expect(machines.map(({ id }) => id)).toEqual([machine!.id, "0123456789abcdef"]);
    expect(cells.filter((cell) => cell.machine === "0123456789abcdef")).toHaveLength(3);
  });

  it("tells which cells are missing", async () => {
    expect(await saccade(folder, "merge", "most", "part-1", "part-2")).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/^saccade: 3 of 9 cells are missing: .* and 2 more\n$/),
    });
  });

  it("refuses other grids, cells twice, folders that are there and files that are none", async () => {
    await saccade(folder, ...GRID, "--name", "other", "--seed", "5", "--lengths", "16");
    for (const [args, code, message] of [
      [
        ["x", "part-1", "other"],
        1,
        /^saccade: merge: part-1 and other are of different grids: lengths \[16,32,64\] and \[16\]\n/,
      ],
      [
        ["x", "part-1", "part-1"],
        1,
        /^saccade: merge: part-1 and part-1 both have dense, 16 tokens of gaussian, auto\n/,
      ],
      [["one", "part-1"], 2, /^saccade: one is there already\n/],
      [["x", "nowhere"], 1, /^saccade: cannot read nowhere: ENOENT/],
    ] as const) {
      const { code: got, stderr } = await saccade(folder, "merge", ...args);
      expect(stderr).toMatch(message);
      expect(got).toBe(code);
    }
    expect(existsSync(join(folder, "x"))).toBe(false);
  });
});
