import { readFileSync } from "node:fs";
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";

/** One line about where the numbers come from. */
export function machineLine(): string {
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus()[0]?.model.trim() ?? "unknown processor"} (${vectorSet()}), ${availableParallelism()} threads, ${memory} GiB, ${platform()}-${arch()}, Node ${process.versions.node}`;
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
