import type { WasmInstructionSet } from "@saccade/kernels";
import type { RecurrenceJob } from "../../recurrence/recurrence.ts";
import type { RotationJob } from "../../rotation.ts";
import { inTurns } from "../in-turns.ts";
import { pause } from "../pause.ts";
import type { AttentionJob, PairJob, RunInfo, Runtime, RuntimeBuffer } from "../runtime.ts";
import { planCall, type CallUse } from "./call-plan.ts";
import { STACK_BYTES, type KernelExports } from "./kernel-instance.ts";
import type { LinearMemory } from "./linear-memory.ts";
import type { Pool } from "./pool.ts";
import { scorePairsInMemory, scorePairsOnWorkers, scorePairsTogether } from "./pair-call.ts";
import { recurInMemory } from "./recur-call.ts";
import { rotateInMemory } from "./rotate-call.ts";
import { runInTurns, runOnWorkers, runSync } from "./run-call.ts";
import { StagedCall } from "./staged-call.ts";
import { WasmBuffer } from "./wasm-buffer.ts";

/** Work below this runs at once where it is called: about 1.5 ms. */
const AT_ONCE_FLOPS = 64e6;
/** Work below this is not worth waking workers for: about 0.4 ms. */
const SHARED_FLOPS = 16e6;
/** Work above this waits for workers that are not there yet: they start in about as much time as it takes. */
const WAITING_FLOPS = 1e9;

const RECUR_ALONE = "recurrences run on the calling thread";
const TOO_MUCH_SCRATCH = "their scratch would take too much linear memory";

export interface WasmParts {
  readonly memory: LinearMemory;
  readonly kernels: KernelExports;
  readonly instructionSet: WasmInstructionSet;
  /** Undefined on one thread. */
  readonly pool: Pool | undefined;
  readonly notTaken: readonly string[];
}

/** Runs jobs in one linear memory. Asynchronous calls take turns; a synchronous one may run between their panels. */
export class WasmRuntime implements Runtime {
  readonly name = "wasm";
  readonly #parts: WasmParts;
  /** Why workers could not be started, once that was tried. */
  #withoutWorkers: string | undefined;
  /** Settles when the last call in the queue has ended. */
  #queue: Promise<void> | undefined;
  #closed = false;
  readonly #infos = new Map<string, RunInfo>();

  constructor(parts: WasmParts) {
    this.#parts = parts;
  }

  info(threads: number): RunInfo {
    return this.#info(this.#threadsAtMost(threads));
  }

  async attend(
    job: AttentionJob,
    { threads, signal }: { readonly threads: number; readonly signal: AbortSignal | undefined },
  ): Promise<RunInfo> {
    this.#checkOpen();
    signal?.throwIfAborted();
    const flops = flopsOf(job);
    const wanted = this.#threadsAtMost(threads);
    const shared = wanted > 1 && flops >= SHARED_FLOPS;
    if (shared && !this.#workersTried) {
      // A loop of calls that settle at once never returns to the event loop, by which workers say that they are there.
      this.#startWorkers().catch(() => {});
      if (flops < AT_ONCE_FLOPS) await pause();
    }
    if (flops < AT_ONCE_FLOPS && !(shared && this.#workersFree)) return this.#runHere(job, wanted, "the work is small");
    return this.#inTurn(signal, async () => {
      const { pool, kernels } = this.#parts;
      if (shared && pool !== undefined) {
        const starting = this.#startWorkers();
        if (flops >= WAITING_FLOPS) await starting;
        if (pool.ready) {
          const ran = await this.#withCall(job, { threads: wanted, buffers: 2 }, (call) =>
            runOnWorkers(call, pool, signal).then(() => call.threads),
          );
          return this.#info(ran, ran < wanted ? TOO_MUCH_SCRATCH : undefined);
        }
      }
      await this.#withCall(job, { threads: 1, buffers: 1 }, (call) => runInTurns(call, kernels, signal));
      return this.#info(1, wanted > 1 ? (this.#withoutWorkers ?? "workers were still starting") : undefined);
    });
  }

  attendSync(job: AttentionJob, { threads }: { readonly threads: number }): RunInfo {
    this.#checkOpen();
    const { pool, kernels } = this.#parts;
    const wanted = this.#threadsAtMost(threads);
    if (wanted === 1 || pool === undefined) return this.#runHere(job, wanted, undefined);
    if (flopsOf(job) < SHARED_FLOPS) return this.#runHere(job, wanted, "the work is small");
    if (!this.#workersFree) {
      this.#startWorkers().catch(() => {});
      return this.#runHere(job, wanted, "workers were not free");
    }
    const call = this.#stage(job, { threads: wanted, buffers: 1 });
    try {
      runSync(call, kernels, pool);
    } finally {
      call.free();
    }
    return this.#info(call.threads, call.threads < wanted ? TOO_MUCH_SCRATCH : undefined);
  }

  async scorePairs(
    job: PairJob,
    { threads, signal }: { readonly threads: number; readonly signal: AbortSignal | undefined },
  ): Promise<RunInfo> {
    this.#checkOpen();
    signal?.throwIfAborted();
    const { memory, kernels, pool } = this.#parts;
    const flops = pairFlops(job);
    const wanted = this.#threadsAtMost(threads);
    const alone = async (reason: string | undefined): Promise<RunInfo> => {
      await inTurns(scorePairsInMemory(job, this, memory, kernels), signal);
      return this.#info(1, wanted > 1 ? reason : undefined);
    };
    if (wanted === 1 || pool === undefined || flops < SHARED_FLOPS) return alone("the work is small");
    return this.#inTurn(signal, async () => {
      const starting = this.#startWorkers();
      if (flops >= WAITING_FLOPS) await starting;
      if (!pool.ready) return alone(this.#withoutWorkers ?? "workers were still starting");
      await scorePairsOnWorkers(job, this, memory, kernels, pool, { threads: wanted, signal });
      return this.#info(wanted);
    });
  }

  scorePairsSync(job: PairJob, { threads }: { readonly threads: number }): RunInfo {
    this.#checkOpen();
    const { memory, kernels, pool } = this.#parts;
    const wanted = this.#threadsAtMost(threads);
    const small = pairFlops(job) < SHARED_FLOPS;
    if (wanted > 1 && pool !== undefined && !small && this.#workersFree) {
      scorePairsTogether(job, this, memory, kernels, pool, wanted - 1);
      return this.#info(wanted);
    }
    if (wanted > 1 && !small) this.#startWorkers().catch(() => {});
    for (const _ of scorePairsInMemory(job, this, memory, kernels));
    const reason = small ? "the work is small" : "workers were not free";
    return this.#info(1, wanted > 1 ? reason : undefined);
  }

  /** On this thread alone. */
  async recur(job: RecurrenceJob, { signal }: { readonly signal: AbortSignal | undefined }): Promise<RunInfo> {
    this.#checkOpen();
    await inTurns(recurInMemory(job, this.#parts.memory, this.#parts.kernels), signal);
    return this.#info(1, this.#threadsAtMost(2) > 1 ? RECUR_ALONE : undefined);
  }

  recurSync(job: RecurrenceJob): RunInfo {
    this.#checkOpen();
    for (const _ of recurInMemory(job, this.#parts.memory, this.#parts.kernels));
    return this.#info(1, this.#threadsAtMost(2) > 1 ? RECUR_ALONE : undefined);
  }

  rotateSync(job: RotationJob): void {
    this.#checkOpen();
    rotateInMemory(job, this, this.#parts.memory, this.#parts.kernels);
  }

  allocate(length: number): RuntimeBuffer {
    this.#checkOpen();
    return new WasmBuffer(this, this.#parts.memory, length);
  }

  workspaceBytes(job: Pick<AttentionJob, "shape" | "schedule" | "scores">, threads: number): number {
    const copies = { q: true, k: true, v: true, out: true };
    const wanted = this.#threadsAtMost(threads);
    const use: CallUse = { threads: wanted, buffers: wanted > 1 ? 2 : 1 };
    const call = planCall(job, copies, this.#parts.kernels, use);
    return call.arena.bytes + (call.threads > 1 ? call.threads * STACK_BYTES : 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    while (this.#queue !== undefined) await this.#queue;
    await this.#parts.pool?.close();
  }

  #checkOpen(): void {
    if (this.#closed) throw new Error("wasm runtime: used after it was closed");
  }

  /** Whether workers wait for a job, and no call is before this one. */
  get #workersFree(): boolean {
    return this.#parts.pool?.ready === true && this.#queue === undefined;
  }

  /** Whether workers are there, or cannot be started. */
  get #workersTried(): boolean {
    return this.#parts.pool?.started === true || this.#withoutWorkers !== undefined;
  }

  #threadsAtMost(threads: number): number {
    return Math.max(1, Math.min(Math.floor(threads), this.#parts.pool?.size ?? 1));
  }

  #stage(job: AttentionJob, use: CallUse): StagedCall {
    return new StagedCall(job, this, this.#parts.memory, this.#parts.kernels, use);
  }

  async #withCall<T>(job: AttentionJob, use: CallUse, run: (call: StagedCall) => Promise<T>): Promise<T> {
    const call = this.#stage(job, use);
    try {
      return await run(call);
    } finally {
      call.free();
    }
  }

  #runHere(job: AttentionJob, wanted: number, reason: string | undefined): RunInfo {
    const call = this.#stage(job, { threads: 1, buffers: 1 });
    try {
      runSync(call, this.#parts.kernels, undefined);
    } finally {
      call.free();
    }
    return this.#info(1, wanted > 1 ? reason : undefined);
  }

  /** Runs one call after the other; one that is aborted while it waits rejects at once. */
  async #inTurn<T>(signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T> {
    const before = this.#queue;
    let leave = (): void => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const mine = before === undefined ? left : before.then(() => left);
    this.#queue = mine;
    try {
      if (before !== undefined) await abortable(before, signal);
      return await run();
    } finally {
      leave();
      if (this.#queue === mine) this.#queue = undefined;
    }
  }

  async #startWorkers(): Promise<void> {
    const { pool } = this.#parts;
    if (pool === undefined || this.#withoutWorkers !== undefined) return;
    try {
      await pool.start();
    } catch (error) {
      this.#withoutWorkers = `workers cannot be started: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  #info(threads: number, reason?: string): RunInfo {
    const key = `${threads} ${reason}`;
    let info = this.#infos.get(key);
    if (info === undefined) {
      const { instructionSet, notTaken } = this.#parts;
      const own = reason === undefined ? [] : [`more threads: ${reason}`];
      info = Object.freeze({
        runtime: "wasm",
        instructionSet,
        threads,
        notTaken: Object.freeze([...notTaken, ...own]),
      });
      this.#infos.set(key, info);
    }
    return info;
  }
}

function flopsOf({ schedule, shape }: AttentionJob): number {
  return 2 * schedule.visitedPairs * (shape.headDim + shape.valueDim);
}

function pairFlops({ q, k }: PairJob): number {
  return 2 * q.batch * q.heads * q.length * k.length * q.width;
}

async function abortable(before: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return before;
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    await Promise.race([before, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
