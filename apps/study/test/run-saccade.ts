import { type ChildProcessByStdio, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import type { CellRecord } from "../src/cells/record.ts";
import { readRecords, type Records } from "../src/results/read-records.ts";

const cli = fileURLToPath(new URL("../src/cli.ts", import.meta.url));

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Running = ChildProcessByStdio<null, Readable, Readable>;

/** Starts the command from its source. */
export function start(cwd: string, args: readonly string[]): Running {
  return spawn(process.execPath, ["--conditions=@saccade/source", cli, ...args], {
    cwd,
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** What a started command says until it ends. */
export function finished(child: Running): Promise<Finished> {
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) child[name].on("data", (part: Buffer) => (text[name] += part));
  return new Promise((resolve) => child.on("close", (code) => resolve({ code, ...text })));
}

/** Runs the command from its source, to its end, with more variables than the test has. */
export function saccadeSync(
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): { status: number | null; stdout: string; stderr: string } {
  const env = { ...process.env, ...variables };
  return spawnSync(process.execPath, ["--conditions=@saccade/source", cli, ...args], {
    encoding: "utf8",
    maxBuffer: 1e8,
    env,
  });
}

/** Runs the command from its source, as a user would. */
export function saccade(cwd: string, ...args: string[]): Promise<Finished> {
  return finished(start(cwd, args));
}

/** The records of a study in a folder. */
export function recordsOf(cwd: string, folder: string): Records {
  return readRecords(join(cwd, folder, "cells.jsonl"));
}

/** The lines of a study's file of cells. */
export function linesIn(cwd: string, folder: string): string[] {
  return readFileSync(join(cwd, folder, "cells.jsonl"), "utf8")
    .split("\n")
    .slice(0, -1);
}

/** What stays the same when a cell runs again: everything but times and memory that was measured. */
export function withoutTimings(cell: CellRecord): unknown {
  if (cell.status !== "measured") return cell;
  const { prefill, memory, decode, ...rest } = cell;
  const { flops, bytesRead, visitedPairs } = prefill;
  const { inputBytes, outputBytes, planBytes, passes } = memory;
  return {
    ...rest,
    prefill: { flops, bytesRead, visitedPairs },
    memory: { inputBytes, outputBytes, planBytes, passes },
    decode: decode && { steps: decode.steps, cacheBytes: decode.cacheBytes },
  };
}
