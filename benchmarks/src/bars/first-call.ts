import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { median } from "../measure/statistics.ts";
import { short } from "../report.ts";
import type { Measured } from "./bar.ts";

const PROBE = fileURLToPath(new URL("./first-call-probe.ts", import.meta.url));
const PROCESSES = 9;

/** Fresh processes one after another; the median of the first call's time after the import. */
export async function firstCall(): Promise<Measured> {
  const run = promisify(execFile);
  const imports: number[] = [];
  const calls: number[] = [];
  for (let i = 0; i < PROCESSES; i++) {
    const { stdout } = await run(process.execPath, [...process.execArgv, PROBE]);
    const { importMs, callMs } = JSON.parse(stdout) as { importMs: number; callMs: number };
    imports.push(importMs);
    calls.push(callMs);
  }
  const detail = `${PROCESSES} processes, ${short(Math.min(...calls))} to ${short(Math.max(...calls))} ms; the import before it ${short(median(imports))} ms`;
  return { value: median(calls), detail };
}
