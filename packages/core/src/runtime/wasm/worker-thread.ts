import type { Worker as NodeWorker } from "node:worker_threads";
import { nodeModule } from "../parallelism.ts";
import { workerSource } from "./worker-source.ts";

/** A worker of Node or of a browser. */
export interface WorkerThread {
  post(message: unknown): void;
  /** `onEnd` is called once: when the worker throws, cannot be loaded, or ends. */
  listen(onMessage: (message: unknown) => void, onEnd: (reason: Error) => void): void;
  /** Keeps the process alive until `release`. */
  hold(): void;
  release(): void;
  /** Resolves when the thread runs no more, as far as the platform tells. */
  terminate(): Promise<void>;
}

/** Starts a worker on `workerSource`, or takes the one that the caller's factory makes. */
export function startWorker(factory: (() => unknown) | undefined): WorkerThread {
  if (factory !== undefined) return adapt(factory());
  const threads = nodeModule("node:worker_threads");
  // An empty execArgv: the flags of this process are not meant for this script.
  if (threads !== undefined)
    return adapt(new threads.Worker(workerSource, { eval: true, execArgv: [], name: "saccade" }));
  const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
  const worker = new Worker(url, { name: "saccade" });
  // Browsers fetch a Blob's content when the worker is made, but not all of them before this line.
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
  return adapt(worker);
}

function adapt(worker: unknown): WorkerThread {
  if (isNodeWorker(worker)) return adaptNode(worker);
  if (isWebWorker(worker)) return adaptWeb(worker);
  throw new TypeError("openRuntime: workerFactory must return a Worker");
}

function adaptNode(worker: NodeWorker): WorkerThread {
  worker.unref();
  return {
    post: (message) => worker.postMessage(message),
    listen(onMessage, onEnd) {
      const end = once(onEnd);
      worker.on("message", onMessage);
      worker.on("error", (error) => end(error instanceof Error ? error : new Error(String(error))));
      worker.on("exit", (code) => end(new Error(`it ended with code ${code}`)));
    },
    hold: () => worker.ref(),
    release: () => worker.unref(),
    async terminate() {
      await worker.terminate();
    },
  };
}

function adaptWeb(worker: Worker): WorkerThread {
  return {
    post: (message) => worker.postMessage(message),
    listen(onMessage, onEnd) {
      const end = once(onEnd);
      worker.addEventListener("message", (event: MessageEvent) => onMessage(event.data));
      worker.addEventListener("error", (event) => end(new Error(event.message || "its script could not be loaded")));
    },
    hold() {},
    release() {},
    async terminate() {
      worker.terminate();
    },
  };
}

function once(callback: (reason: Error) => void): (reason: Error) => void {
  let called = false;
  return (reason) => {
    if (called) return;
    called = true;
    callback(reason);
  };
}

function isNodeWorker(worker: unknown): worker is NodeWorker {
  const { on, unref } = (worker ?? {}) as Partial<NodeWorker>;
  return typeof on === "function" && typeof unref === "function";
}

function isWebWorker(worker: unknown): worker is Worker {
  const { addEventListener, terminate } = (worker ?? {}) as Partial<Worker>;
  return typeof addEventListener === "function" && typeof terminate === "function";
}
