import { readFileSync, writeFileSync } from "node:fs";

const MB = 2 ** 20;

/**
 * Starts a measurement of peak resident memory. On Linux the kernel's peak is reset first; elsewhere the peak of the
 * process so far is the start, so that a smaller one afterwards reads as 0.
 *
 * @returns a function that gives the megabytes by which the peak since then exceeds what was resident at the start
 */
export function startPeak(): () => number {
  (globalThis as { gc?: () => void }).gc?.();
  if (resetPeak()) {
    const start = statusBytes("VmRSS");
    return () => Math.max(0, statusBytes("VmHWM") - start) / MB;
  }
  const start = process.resourceUsage().maxRSS * 1024;
  return () => Math.max(0, process.resourceUsage().maxRSS * 1024 - start) / MB;
}

function resetPeak(): boolean {
  if (process.platform !== "linux") return false;
  try {
    writeFileSync("/proc/self/clear_refs", "5");
    return true;
  } catch {
    return false;
  }
}

function statusBytes(field: "VmRSS" | "VmHWM"): number {
  const match = new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(readFileSync("/proc/self/status", "utf8"));
  return Number(match?.[1] ?? NaN) * 1024;
}
