import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { MachineJob, MachinePeaks } from "../machine/measure-machine.ts";
import { bytes, seconds } from "../report/units.ts";
import type { CellFindings, CellJob, CellStage } from "./cell-job.ts";
import type { ChildMessage } from "./child.ts";
import { residentBytesOf } from "./process-memory.ts";
import type { UnmeasuredCell } from "./record.ts";

// A file beside this one in a source tree and in a build: child.ts or child.js.
const CHILD = fileURLToPath(new URL(`./child${extname(import.meta.url)}`, import.meta.url));
/** Enough of what a crashing process wrote to say why. */
const ERROR_CHARACTERS = 2000;
/**
 * glibc gives back what is freed at once: otherwise what was let go while inputs were made stays resident, and a call that takes it again
 * seems to need nothing.
 */
const GIVE_BACK = { MALLOC_MMAP_THRESHOLD_: "65536", MALLOC_TRIM_THRESHOLD_: "65536" };
const WATCH_MS = process.platform === "linux" ? 25 : 500;
/** What a process may hold before it has made its inputs, beyond them: Node, code, texts, and what is let go. */
const STARTING_BYTES = 512 * 2 ** 20;

/** What a process may take. */
export interface ChildBudget {
  readonly seconds: number;
  /** Bytes beyond what it holds when its inputs are made. */
  readonly bytes: number;
  readonly inputBytes: number;
  readonly signal: AbortSignal | undefined;
}

export type ChildAnswer<Found> =
  | { readonly found: Found }
  | { readonly status: Exclude<UnmeasuredCell["status"], "too-large" | "too-slow">; readonly reason: string };

const STAGE_WORDS: Readonly<Record<CellStage, string>> = {
  opening: "while it made its inputs",
  prefill: "in prefill",
  decoding: "while it decoded",
  accuracy: "while its accuracy was measured",
};

/**
 * Runs a job in a process of its own. A crash in there, too much memory or time is an answer, not a rejection. The process is ended by its
 * own id.
 *
 * @throws the signal's reason when it aborts; the process is ended.
 */
export function runChild(job: CellJob, budget: ChildBudget): Promise<ChildAnswer<CellFindings>>;
export function runChild(job: MachineJob, budget: ChildBudget): Promise<ChildAnswer<MachinePeaks>>;
export async function runChild(
  job: CellJob | MachineJob,
  budget: ChildBudget,
): Promise<ChildAnswer<CellFindings | MachinePeaks>> {
  budget.signal?.throwIfAborted();
  const child = fork(CHILD, [], {
    execArgv: [...process.execArgv, "--expose-gc"],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    env: { ...process.env, ...GIVE_BACK },
  });
  const answer = await answerOf(child, job, budget);
  budget.signal?.throwIfAborted();
  return answer;
}

function answerOf(
  child: ChildProcess,
  job: CellJob | MachineJob,
  budget: ChildBudget,
): Promise<ChildAnswer<CellFindings | MachinePeaks>> {
  return new Promise((resolve) => {
    let answer: ChildAnswer<CellFindings | MachinePeaks> | undefined;
    let errors = "";
    let stage: CellStage = "opening";
    let limit = STARTING_BYTES + 2 * budget.inputBytes + budget.bytes;
    let base = 0;
    const end = (): void => void child.kill("SIGKILL");
    const stop = (status: "out-of-memory" | "out-of-time", reason: string): void => {
      answer ??= { status, reason: `${reason}, ${STAGE_WORDS[stage]}` };
      end();
    };
    const timer = setTimeout(
      () => stop("out-of-time", `killed after ${seconds(1000 * budget.seconds)}`),
      1000 * budget.seconds,
    );
    const watch = setInterval(() => {
      if (child.pid === undefined) return;
      void residentBytesOf(child.pid).then((resident) => {
        if (resident === undefined || resident <= limit || answer !== undefined) return;
        stop("out-of-memory", `killed at ${bytes(resident - base)} ${base > 0 ? "beyond its inputs" : "in all"}`);
      });
    }, WATCH_MS);
    budget.signal?.addEventListener("abort", end);
    child.stderr?.on("data", (text: Buffer) => {
      errors = (errors + text.toString()).slice(-ERROR_CHARACTERS);
    });
    child.on("message", (message: ChildMessage) => {
      if ("stage" in message) {
        stage = message.stage;
        if (base === 0) {
          base = message.residentBytes;
          limit = base + budget.bytes;
        }
      } else if ("found" in message) answer ??= message;
      else answer ??= { status: isMemory(message.error) ? "out-of-memory" : "failed", reason: message.error };
    });
    child.on("error", (error) => {
      answer ??= { status: "failed", reason: error.message };
    });
    child.on("close", (code, ended) => {
      clearTimeout(timer);
      clearInterval(watch);
      budget.signal?.removeEventListener("abort", end);
      resolve(answer ?? crash(code, ended, errors, STAGE_WORDS[stage]));
    });
    // A process that could not start says so by an event of its own.
    child.send(job, () => {});
  });
}

function isMemory(text: string): boolean {
  return /heap out of memory|Array buffer allocation failed|Cannot allocate memory|bad_alloc|Out of memory/i.test(text);
}

/** A process that ended without an answer. */
function crash(code: number | null, signal: NodeJS.Signals | null, errors: string, stage: string): ChildAnswer<never> {
  if (isMemory(errors)) return { status: "out-of-memory", reason: `ran out of memory, ${stage}` };
  if (signal === "SIGKILL") {
    return { status: "out-of-memory", reason: `killed by the system, as it does when memory runs out, ${stage}` };
  }
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
  const line = errors
    .split("\n")
    .map((each) => each.trim())
    .find((each) => /error/i.test(each));
  return { status: "failed", reason: `its process ended with ${how}, ${stage}${line ? `: ${line}` : ""}` };
}
