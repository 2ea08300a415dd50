import { fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Answer } from "./child.ts";
import type { Cell } from "./measurement.ts";

// child.ts beside the source, child.js in a build.
const CHILD = fileURLToPath(new URL(`./child${extname(import.meta.url)}`, import.meta.url));
/** Enough of what a crashing process wrote to say why. */
const ERROR_CHARACTERS = 2000;

export interface ChildOptions {
  /** After this the process is ended and the cell counts as failed. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/**
 * Measures a cell in a process of its own. A crash in there is an answer, not a rejection.
 *
 * @throws the signal's reason when it aborts; the process is ended.
 */
export function runChild(cell: Cell, { timeoutMs, signal }: ChildOptions): Promise<Answer> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [], {
      execArgv: [...process.execArgv, "--expose-gc"],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let answer: Answer | undefined;
    let errors = "";
    const end = (): void => void child.kill("SIGKILL");
    const timer = setTimeout(() => {
      answer = { error: `gave no result within ${Math.round(timeoutMs / 1000)} s` };
      end();
    }, timeoutMs);
    signal?.addEventListener("abort", end);
    child.stderr?.on("data", (text: Buffer) => {
      errors = (errors + text.toString()).slice(-ERROR_CHARACTERS);
    });
    child.on("message", (message) => {
      answer ??= message as Answer;
    });
    child.on("error", (error) => {
      answer ??= { error: error.message };
    });
    child.on("close", (code, ended) => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      if (signal?.aborted) reject(signal.reason as Error);
      else resolve(answer ?? { error: crash(code, ended, errors) });
    });
    child.send(cell);
  });
}

function crash(code: number | null, signal: NodeJS.Signals | null, errors: string): string {
  if (/heap out of memory|Array buffer allocation failed|Cannot allocate memory/i.test(errors))
    return "ran out of memory";
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
  const line = errors
    .split("\n")
    .map((each) => each.trim())
    .find((each) => /error/i.test(each));
  return `its process ended with ${how}${line ? `: ${line}` : ""}`;
}
