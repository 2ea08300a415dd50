import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** Processors' worth of other programs from which they disturb. */
const BUSY = 0.1;
const LOOK_MS = 500;

/** Where the numbers come from, and a warning when other programs are at work there. */
export async function machineLine(): Promise<string> {
  const memory = Math.round(totalmem() / 2 ** 30);
  const processor = cpus()[0]?.model.trim() ?? "unknown processor";
  const place = `${processor} (${vectorSet()}), ${availableParallelism()} threads, ${memory} GiB, ${platform()}-${arch()}, Node ${process.versions.node}`;
  const before = busyMs();
  await sleep(LOOK_MS);
  const busy = (busyMs() - before) / LOOK_MS;
  return busy < BUSY
    ? place
    : `${place}\nOther programs use ${busy.toFixed(1)} processors: the figures below are not worth much.`;
}

/** Milliseconds that all processors have worked. */
function busyMs(): number {
  return cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0);
}

function vectorSet(): string {
  if (arch() !== "x64") return arch() === "arm64" ? "NEON" : arch();
  try {
    const flags = readFileSync("/proc/cpuinfo", "utf8");
    if (/\bavx512f\b/.test(flags)) return "AVX-512";
    return /\bavx2\b/.test(flags) ? "AVX2" : "no AVX2";
  } catch {
    return "x64";
  }
}
