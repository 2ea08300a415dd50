import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, loadavg, platform, totalmem } from "node:os";

/** Load average from which other programs disturb. */
const BUSY = 0.5;

/** One line about where the numbers come from. */
export function machineLine(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  const processor = cpus()[0]?.model.trim() ?? "unknown processor";
  const place = `${processor} (${vectorSet()}), ${availableParallelism()} threads, ${memory} GiB, ${platform()}-${arch()}, Node ${process.versions.node}`;
  const load = loadavg()[0]!;
  // Windows has no load average, and says 0.
  return load < BUSY
    ? place
    : `${place}\nThe machine is busy (load ${load.toFixed(1)}): the figures below are not worth much.`;
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
