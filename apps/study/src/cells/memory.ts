import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

/** How a peak was measured. */
export type MemoryMethod = "high-water mark, reset" | "high-water mark, not reset" | "maximum resident size";

/** Bytes of this process that are in memory now. */
export function residentBytes(): number {
  return statusBytes("VmRSS") ?? process.memoryUsage.rss();
}

/**
 * Frees what nothing refers to any more, where Node was started with --expose-gc, and waits until the resident size no longer falls:
 * pages go back to the system on other threads, and what goes back during a measurement would be missing from it.
 */
export async function collectGarbage(): Promise<void> {
  let resident = Infinity;
  for (let round = 0; round < SETTLE_ROUNDS; round++) {
    globalThis.gc?.();
    await setTimeout(SETTLE_MS);
    const now = residentBytes();
    if (now > resident - SETTLED_BYTES) return;
    resident = now;
  }
}

const SETTLE_ROUNDS = 20;
const SETTLE_MS = 20;
const SETTLED_BYTES = 64 * 1024;

/** The peak of this process's resident memory from `start` on. */
export interface PeakMeter {
  readonly method: MemoryMethod;
  /** Highest resident bytes since the meter started. */
  peakBytes(): number;
}

/**
 * Starts a meter. On Linux the kernel keeps a high-water mark (VmHWM) and resets it when a process writes 5 to its clear_refs, so that
 * the peak is exact and of this stretch only. Where that is not allowed, or on other systems, the mark covers the whole life of the
 * process: a peak below an earlier one cannot be seen, and the earlier one is reported.
 */
export function startPeakMeter(): PeakMeter {
  if (statusBytes("VmHWM") === undefined) {
    return { method: "maximum resident size", peakBytes: () => process.resourceUsage().maxRSS * 1024 };
  }
  const method = resetHighWaterMark() ? "high-water mark, reset" : "high-water mark, not reset";
  return { method, peakBytes: () => statusBytes("VmHWM") ?? residentBytes() };
}

function resetHighWaterMark(): boolean {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
    return true;
  } catch {
    return false;
  }
}

function statusBytes(field: "VmRSS" | "VmHWM"): number | undefined {
  let status: string;
  try {
    status = readFileSync("/proc/self/status", "utf8");
  } catch {
    return undefined;
  }
  const kilobytes = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
