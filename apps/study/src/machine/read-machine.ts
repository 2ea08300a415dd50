import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism, cpus, platform, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import type { MachineRecord } from "../cells/record.ts";
import { hashOf } from "../grid/canonical.ts";
import type { MachinePeaks } from "./measure-machine.ts";

/** A machine before anything was measured on it. */
export type Machine = Omit<MachineRecord, keyof MachinePeaks>;

/** @param args Of the command line. */
export function readMachine(args: readonly string[]): Machine {
  const what = {
    cpu: cpus()[0]?.model.trim() || process.arch,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    os: `${platform()} ${release()} ${process.arch}`,
    node: process.version,
    saccade: coreVersion(),
    commit: commit(),
  };
  return {
    record: "machine",
    id: hashOf(what),
    ...what,
    date: new Date().toISOString(),
    command: ["saccade", ...args].join(" "),
  };
}

/** Bytes that this process could still take, within a container's limit where Node knows it. */
export function freeBytes(): number {
  return process.availableMemory();
}

function coreVersion(): string {
  const file = createRequire(import.meta.url).resolve("@saccade/core/package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** Of the repository that this program lies in; with a mark where files differ from it. */
function commit(): string | undefined {
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const git = (...args: string[]): string =>
    execFileSync("git", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    // Installed packages lie in somebody else's repository.
    if (cwd.includes("node_modules")) return undefined;
    return `${git("rev-parse", "HEAD")}${git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+changes"}`;
  } catch {
    return undefined;
  }
}
