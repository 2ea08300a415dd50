import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { CallShape } from "../measure/shape.ts";
import { labelOf, type System } from "../systems/registry.ts";
import type { Ready, Reply, Request, Round } from "./messages.ts";

const CHILD = fileURLToPath(new URL("./child.ts", import.meta.url));

/** A system with one call to make, in a process of its own. What goes wrong becomes `failed`, and it takes part no longer. */
export class Contestant implements Disposable {
  readonly system: System;
  readonly shape: CallShape;
  readonly label: string;
  /** Medians of the rounds, in milliseconds a call. */
  readonly rounds: number[] = [];
  /** Processor time of the same rounds, in milliseconds a call. */
  readonly cpu: number[] = [];
  ready: Ready | undefined;
  failed: string | undefined;
  readonly #timeoutMs: number;
  readonly #process: ChildProcess;
  #errors = "";

  constructor(system: System, shape: CallShape, timeoutMs: number) {
    this.system = system;
    this.shape = shape;
    this.label = labelOf(system);
    this.#timeoutMs = timeoutMs;
    this.#process = fork(CHILD, [], {
      execArgv: [...process.execArgv, "--expose-gc"],
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    this.#process.stderr?.on("data", (text: Buffer) => {
      this.#errors = (this.#errors + text.toString()).slice(-4000);
    });
  }

  /** Loads the system, runs one call and checks it. */
  async prepare(): Promise<void> {
    const reply = await this.#ask({ type: "prepare", system: this.system, shape: this.shape });
    if (reply?.type === "ready") this.ready = reply.ready;
  }

  /** Calls for at least `minMs`, at least once. */
  async round(minMs: number): Promise<Round | undefined> {
    const reply = await this.#ask({ type: "round", minMs });
    return reply?.type === "round" ? reply.round : undefined;
  }

  [Symbol.dispose](): void {
    this.#process.kill("SIGKILL");
  }

  async #ask(request: Request): Promise<Reply | undefined> {
    if (this.failed !== undefined) return undefined;
    const reply = await this.#reply(request);
    if (typeof reply !== "string" && reply.type !== "failed") return reply;
    this.failed = typeof reply === "string" ? reply : firstLine(reply.message);
    this[Symbol.dispose]();
    return undefined;
  }

  /** The reply, or what happened instead. */
  #reply(request: Request): Promise<Reply | string> {
    return new Promise((resolve) => {
      const child = this.#process;
      const settle = (result: Reply | string): void => {
        clearTimeout(timer);
        child.off("message", onMessage).off("exit", onExit).off("error", onError);
        resolve(result);
      };
      const onMessage = (reply: Reply): void => settle(reply);
      const onError = (error: Error): void => settle(`process: ${error.message}`);
      const onExit = (code: number | null, signal: string | null): void => settle(this.#ending(code, signal));
      const timer = setTimeout(() => settle(`timeout: more than ${this.#timeoutMs / 1000} s`), this.#timeoutMs);
      child.on("message", onMessage).on("exit", onExit).on("error", onError);
      if (child.exitCode !== null || child.signalCode !== null) onExit(child.exitCode, child.signalCode);
      // A process that is gone cannot be written to; its exit, which follows, says why.
      else child.send(request, () => {});
    });
  }

  #ending(code: number | null, signal: string | null): string {
    const how = signal === null ? `exit code ${code}` : signal;
    const memory = signal === "SIGKILL" || /out of memory|bad_alloc|OOM/i.test(this.#errors) ? ", out of memory" : "";
    const line = firstLine(/^.*(?:error|fatal).*$/im.exec(this.#errors)?.[0] ?? "");
    return `process ended (${how}${memory})${line && `: ${line}`}`;
  }
}

function firstLine(text: string): string {
  const line = text.split("\n", 1)[0]!.trim();
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
