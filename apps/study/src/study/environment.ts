import { availableParallelism, cpus, platform, release, totalmem } from "node:os";

/** Where and when a study ran. */
export interface Environment {
  /** ISO 8601 */
  readonly date: string;
  /** The command line without the folder of the program. */
  readonly command: string;
  readonly cpu: string;
  /** Cores that this process may use. */
  readonly cores: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly node: string;
}

export function readEnvironment(args: readonly string[]): Environment {
  return {
    date: new Date().toISOString(),
    command: ["saccade", ...args].join(" "),
    cpu: cpus()[0]?.model.trim() || process.arch,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    os: `${platform()} ${release()} ${process.arch}`,
    node: process.version,
  };
}

/** Bytes that this process could still take, within a container's limit where Node knows it. */
export function freeBytes(): number {
  // Node 20.13 and later.
  return process.availableMemory();
}
