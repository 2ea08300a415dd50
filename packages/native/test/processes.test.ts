import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { describe, expect, test } from "vitest";
import { built } from "./built.ts";

const exhaustive = Boolean(process.env["SACCADE_EXHAUSTIVE"]);

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
  readonly errors: string;
}

function run(program: string, ...args: string[]): Promise<Ended> {
  const file = fileURLToPath(new URL(`./programs/${program}`, import.meta.url));
  const child = spawn(process.execPath, ["--conditions=@saccade/source", file, ...args], { timeout: 50_000 });
  let [output, errors] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, output: output.trim(), errors }));
  });
}

describe.skipIf(!built)("a process ends cleanly", () => {
  test.each([
    ["with an idle pool", "2"],
    ["when its last call is done", "0"],
    ["by process.exit during a call", ""],
    ["by process.exit at once", ""],
    ["after terminating workers during asynchronous calls", "0"],
    ["after terminating workers during synchronous calls", "0"],
    ["by process.exit while workers work", ""],
    ["after workers that alone used the addon", ""],
  ])("%s", async (way, output) => {
    for (let repeat = 0; repeat < (exhaustive ? 20 : 2); repeat++) {
      expect(await run("ends.ts", way)).toEqual({ code: 0, signal: null, output, errors: "" });
    }
  });

  test("by an uncaught exception during a call", async () => {
    const { code, signal, errors } = await run("ends.ts", "by an uncaught exception during a call");
    expect({ code, signal }).toEqual({ code: 1, signal: null });
    expect(errors).toContain("on purpose");
  });
});

describe.skipIf(!built)("several worker threads", () => {
  test("call at once, synchronously and not, and each gets the bits of one thread", async () => {
    const different = Array.from({ length: exhaustive ? 16 : 4 }, () => {
      const worker = new Worker(new URL("./programs/worker.ts", import.meta.url), { workerData: "mixed" });
      return new Promise<number>((resolve, reject) => {
        worker.once("message", resolve);
        worker.once("error", reject);
      });
    });
    for (const count of await Promise.all(different)) expect(count).toBe(0);
  });
});

describe.skipIf(!built)("a long causal call", () => {
  test("needs at most 64 MB of memory beyond its arrays", async () => {
    const { output } = await run("memory.ts", exhaustive ? "16384" : "4096");
    const { outcome, extra } = JSON.parse(output) as { outcome: number; extra: number };
    expect(outcome).toBe(0);
    expect(extra).toBeLessThanOrEqual(64e6);
  });
});
