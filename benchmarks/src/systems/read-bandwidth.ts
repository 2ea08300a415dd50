import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { compileC } from "../measure/compile-c.ts";
import { cacheBytes } from "../measure/shape.ts";
import type { Prepare } from "./system.ts";

const SOURCE = fileURLToPath(new URL("../../native/read-bandwidth.c", import.meta.url));

/** Passes over that much memory, each of which says how many milliseconds it took. */
export interface MemoryPasses {
  /** Milliseconds of one pass. */
  pass(): Promise<number>;
  /** Which way of reading was the fastest. */
  readonly way: string;
  close(): void;
}

/** Starts the program that passes over `bytes` of memory; with `update`, it writes them back too. */
export async function memoryPasses(bytes: number, threads: number, update: boolean): Promise<MemoryPasses> {
  const folder = mkdtempSync(join(tmpdir(), "saccade-read-"));
  const program = join(folder, "read-bandwidth");
  try {
    compileC(SOURCE, ["-O3", "-march=native", "-pthread"], program);
    const mode = update ? ["update"] : [];
    const child = spawn(program, [String(bytes), String(threads), ...mode], { stdio: ["pipe", "pipe", "ignore"] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const nextLine = async (): Promise<string> => {
      const line = await lines.next();
      if (line.done === true) throw new Error(`read-bandwidth ended (${child.exitCode ?? child.signalCode})`);
      return line.value;
    };
    const ready = await nextLine();
    return {
      pass: async () => {
        child.stdin.write("\n");
        return Number(await nextLine());
      },
      way: ready.split(" ")[1]!,
      close: () => child.stdin.end(),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads as many bytes as the keys and values have and computes nothing: what a decode step cannot be faster than. */
export const readBandwidth: Prepare = async (shape, _inputs, threads) => {
  const passes = await memoryPasses(cacheBytes(shape), threads, false);
  return { run: () => passes.pass(), note: `way ${passes.way} of reading` };
};
