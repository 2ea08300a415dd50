import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "../measure/statistics.ts";
import { short } from "../report.ts";
import { atMost, type Bar, type Measured } from "./bar.ts";

const PROBE = fileURLToPath(new URL("./schedule-probe.ts", import.meta.url));
const PROCESSES = 5;
const MB = 2 ** 20;

/** Schedules of masks over 1M x 1M tokens. */
export const scheduleBars: readonly Bar[] = [
  atMost(50, "ms", "schedule-window", "a causal window of 1024, the first schedule of a process", () =>
    built("window"),
  ),
  atMost(50, "ms", "schedule-sinks", "the same and 4 sinks", () => built("sinks")),
  atMost(500, "ms", "schedule-documents", "1000 documents of random lengths, causal", () => built("documents")),
];

/** Fresh processes one after another; the median of their first schedule's time. */
async function built(mask: string): Promise<Measured> {
  const run = promisify(execFile);
  const times: number[] = [];
  let memory = "";
  for (let i = 0; i < PROCESSES; i++) {
    // One at a time, so that they do not disturb each other.
    // oxlint-disable-next-line no-await-in-loop
    const { stdout } = await run(process.execPath, [...process.execArgv, PROBE, mask]);
    const { ms, tasks, bytes, grown } = JSON.parse(stdout) as Record<"ms" | "tasks" | "bytes" | "grown", number>;
    times.push(ms);
    memory = `${tasks} tasks in ${short(bytes / MB)} MB, memory grew by ${short(grown / MB)} MB`;
  }
  const range = `${short(Math.min(...times))} to ${short(Math.max(...times))} ms`;
  return { value: median(times), detail: `${PROCESSES} processes, ${range}; ${memory}` };
}
