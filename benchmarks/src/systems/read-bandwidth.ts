import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { cacheBytes } from "../measure/shape.ts";
import type { Prepare } from "./system.ts";

const SOURCE = fileURLToPath(new URL("../../native/read-bandwidth.c", import.meta.url));

/** Reads as many bytes as the keys and values have and computes nothing: what a decode step cannot be faster than. */
export const readBandwidth: Prepare = async (shape, _inputs, threads) => {
  const folder = mkdtempSync(join(tmpdir(), "saccade-read-"));
  const program = join(folder, "read-bandwidth");
  try {
    compile(program);
    const child = spawn(program, [String(cacheBytes(shape)), String(threads)], { stdio: ["pipe", "pipe", "ignore"] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const nextLine = async (): Promise<string> => {
      const line = await lines.next();
      if (line.done === true) throw new Error(`read-bandwidth ended (${child.exitCode ?? child.signalCode})`);
      return line.value;
    };
    const ready = await nextLine();
    return {
      run: async () => {
        child.stdin.write("\n");
        return Number(await nextLine());
      },
      note: `way ${ready.split(" ")[1]} of reading`,
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

function compile(program: string): void {
  const flags = ["-O3", "-march=native", "-pthread", SOURCE, "-o", program];
  for (const compiler of [process.env["CC"], "cc", "gcc", "clang"]) {
    if (compiler === undefined) continue;
    try {
      execFileSync(compiler, flags, { stdio: "ignore" });
      return;
    } catch {
      // The next one, then.
    }
  }
  throw new Error("no C compiler, so the read bandwidth is not measured");
}
