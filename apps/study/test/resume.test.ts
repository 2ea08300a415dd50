import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it, vi } from "vitest";
import { cellId, cellsOf } from "../src/grid/grid.ts";
import { linesIn, recordsOf, saccade, start } from "./run-saccade.ts";

// Each of them starts processes by the dozen.
vi.setConfig({ testTimeout: process.env["SACCADE_EXHAUSTIVE"] ? 1_800_000 : 600_000 });

const folder = mkdtempSync(join(tmpdir(), "resume-"));
afterAll(() => rmSync(folder, { recursive: true }));

const KILLS = process.env["SACCADE_EXHAUSTIVE"] ? 20 : 4;

const lengths = Array.from({ length: 2 * KILLS }, (_, i) => 16 * (i + 1)).join(",");
const FAST = [
  "--input",
  "gaussian",
  "--heads",
  "1",
  "--kv-heads",
  "1",
  "--head-dim",
  "16",
  "--variants",
  "dense,window:8",
];
const LITTLE = [
  "--time-seconds",
  "0.001",
  "--rows",
  "0",
  "--needles",
  "none",
  "--tasks",
  "none",
  "--decode-steps",
  "1",
];
const GRID = ["study", ...FAST, ...LITTLE, "--lengths", lengths];

/** Instants that differ from kill to kill and not from run to run: mulberry32 (T. Ettinger). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** Looks again and again, as long as the test may take. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setTimeout(50);
}

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter((each) => each !== "");
}

function machinesIn(study: string): number {
  return existsSync(join(folder, study, "cells.jsonl")) ? recordsOf(folder, study).machines.length : 0;
}

describe("a study that is killed", () => {
  it(`goes on after kill -9 at ${KILLS} random instants, and has every cell once`, async () => {
    const random = randomFrom(7);
    let known: string[] = [];
    for (let kill = 0; kill < KILLS; kill++) {
      const child = start(folder, [...GRID, "--name", "killed", "--resume"]);
      const closed = new Promise((resolve) => child.on("close", resolve));
      await setTimeout(200 + 2500 * random());
      child.kill("SIGKILL");
      await closed;
      if (!existsSync(join(folder, "results/killed/cells.jsonl"))) continue;
      const lines = linesIn(folder, "results/killed");
      expect(lines.slice(0, known.length)).toEqual(known);
      known = lines;
    }
    const { code } = await saccade(folder, ...GRID, "--name", "killed", "--resume");
    expect(code).toBe(0);
    expect(linesIn(folder, "results/killed").slice(0, known.length)).toEqual(known);
    const { header, cells } = recordsOf(folder, "results/killed");
    expect(cells.map(cellId).toSorted()).toEqual(cellsOf(header.grid).map(cellId).toSorted());
    expect(cells.every((cell) => cell.status === "measured")).toBe(true);
  });

  it.runIf(process.platform === "linux")(
    "leaves no process behind, even one that never comes back to its event loop",
    async () => {
      const file = fileURLToPath(new URL("own-variants.study.ts", import.meta.url));
      const args = ["study", file, "--variants", "hangs", "--cell-seconds", "600", "--name", "hanging"];
      const child = start(folder, args);
      const closed = new Promise((resolve) => child.on("close", resolve));
      // The first child measures the machine; when there is a record of it, the next one is the cell's.
      await until(() => machinesIn("results/hanging") === 1 && childrenOf(child.pid!).length === 1);
      const [cell] = childrenOf(child.pid!);
      await setTimeout(1500);
      child.kill("SIGKILL");
      await closed;
      await until(() => !existsSync(`/proc/${cell}`));
    },
  );

  it("drops a line that was being written, and measures that cell again", async () => {
    const grid = ["study", ...FAST, ...LITTLE, "--lengths", "16,32"];
    await saccade(folder, ...grid, "--name", "torn");
    const file = join(folder, "results/torn/cells.jsonl");
    const whole = linesIn(folder, "results/torn");
    truncateSync(file, whole.join("\n").length - 40);
    const { stderr } = await saccade(folder, ...grid, "--out", "results", "--resume");
    expect(stderr).toContain("3 of 4 cells are there already\n[4/4]");
    const lines = linesIn(folder, "results/torn");
    expect(lines.slice(0, -1)).toEqual(whole.slice(0, -1));
    expect(lines).toHaveLength(whole.length);
  });

  it("is not begun anew, or gone on with by another grid", async () => {
    const grid = ["study", ...FAST, ...LITTLE, "--lengths", "16", "--name", "same"];
    await saccade(folder, ...grid);
    expect(await saccade(folder, ...grid)).toMatchObject({
      code: 2,
      stderr: "saccade: results/same has results already: go on with --resume, or give it another --name\n",
    });
    expect(await saccade(folder, ...grid, "--seed", "2", "--resume")).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^saccade: results\/same is of another grid, .*: inputs .*\n$/),
    });
    expect(await saccade(folder, ...grid, "--resume")).toMatchObject({ code: 0 });
  });

  it("says which line of its file is wrong", async () => {
    const grid = ["study", ...FAST, ...LITTLE, "--lengths", "16", "--name", "wrong", "--resume"];
    await saccade(folder, ...grid);
    const file = join(folder, "results/wrong/cells.jsonl");
    writeFileSync(file, `${linesIn(folder, "results/wrong")[0]}\n{"record":"cell","variant":"dense"}\n`);
    expect(await saccade(folder, ...grid)).toMatchObject({
      code: 1,
      stderr: 'saccade: results/wrong/cells.jsonl:2: has no "machine"\n',
    });
  });
});
