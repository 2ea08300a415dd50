import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";

/** Resident bytes of another process; undefined where it is gone, or where the system does not say. */
export async function residentBytesOf(pid: number): Promise<number | undefined> {
  if (process.platform === "linux") {
    try {
      const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
    } catch {
      return undefined;
    }
  }
  if (process.platform === "win32") return undefined;
  return new Promise((resolve) => {
    execFile("ps", ["-o", "rss=", "-p", String(pid)], (error, stdout) => {
      resolve(error ? undefined : Number(stdout) * 1024);
    });
  });
}
