import type { CallArguments } from "@saccade/native";
import { REACH_INTS } from "../schedule/reach.ts";
import { contiguous, floatsOf, type Tensor } from "../tensor.ts";
import { chooseInstructionSet, loadAddon } from "./native/addon.ts";
import { callArguments } from "./native/arguments.ts";
import { pairArguments } from "./native/pair-arguments.ts";
import { productArguments } from "./native/product-arguments.ts";
import { recurArguments } from "./native/recur-arguments.ts";
import { rotateArguments } from "./native/rotate-arguments.ts";
import { availableParallelism } from "./parallelism.ts";
import { pairUnits } from "./pair-units.ts";
import { pause } from "./pause.ts";
import { packPrograms, programsOf } from "./programs.ts";
import { panelColumns, panelCount, recurrenceFlops } from "./recur-codes.ts";
import { arrayBuffer } from "./reference.ts";
import type { RecurrenceJob } from "../recurrence/recurrence.ts";
import type { AttentionJob, OpenOptions, PairJob, ProductJob, Products, RunInfo, Runtime } from "./runtime.ts";
import { operandCount, scratchNeeds } from "./scratch-needs.ts";
import { planUnits, UNIT_INTS } from "./units.ts";

/** What the addon's pool can hold. */
const MAX_THREADS = 256;

/** Floating-point operations that are worth waking another thread for: some microseconds. */
const THREAD_FLOPS = 0.5e6;

/** A pointer and a length. */
const TABLE_BYTES = 16;

/** Numbers that a staged result is copied in at a time, so that the event loop gets a turn in between. */
const COPIED_AT_ONCE = 4 << 20;

/**
 * The runtime on the native addon: the caller's arrays are read and written where they are.
 *
 * An array that is transferred away while `attend` runs rejects the call. Results that a caller's own `out` should receive
 * from an asynchronous call are computed beside it and copied at the end, unless it is a view of a SharedArrayBuffer: a transferred
 * buffer may be freed, and must not be written to.
 *
 * `instructionSet` defaults to the environment variable SACCADE_ISA, then to the best that this CPU runs.
 *
 * @throws Error saying why the addon does not load, or why the instruction set cannot run here.
 */
export function openNative(options: OpenOptions = {}): Runtime {
  const { addon, outcome, numbers: places, rotateNumbers, recurNumbers, productPlaces } = loadAddon();
  const isa = chooseInstructionSet(addon.instructionSets(), options.instructionSet ?? process.env["SACCADE_ISA"]);
  const most = Math.max(1, Math.min(options.threads ?? availableParallelism(), MAX_THREADS));
  const notTaken = [...(options.notTaken ?? []), ...isa.notTaken];
  const numbers = new Float64Array(places.count);
  const running = new Set<Promise<unknown>>();
  let closed = false;

  const infoOf = (threads: number, reasons: readonly string[] = notTaken): RunInfo => {
    return { runtime: "native", instructionSet: isa.name, threads, notTaken: reasons };
  };

  const infoUpTo = (threads: number, allowed: number): RunInfo =>
    threads === allowed ? infoOf(threads) : infoOf(threads, [...notTaken, `${allowed} threads: too little work`]);

  /** What a job runs on: no more threads than there is work for. */
  const infoFor = (job: AttentionJob, asked: number): RunInfo => {
    const { shape, schedule } = job;
    const allowed = Math.min(Math.max(1, asked), most);
    const units = planUnits(shape, schedule).unitCount;
    const worth = Math.ceil((2 * (shape.headDim + shape.valueDim) * schedule.visitedPairs) / THREAD_FLOPS);
    const threads = Math.max(1, Math.min(allowed, units, worth));
    return infoUpTo(threads, allowed);
  };

  const settle = (result: number): void => {
    if (result === outcome.vanished) {
      throw new TypeError("native: an input was transferred or detached while the call ran");
    }
    if (result === outcome.noMemory) throw new RangeError("native: no memory for the workspace of a thread");
  };

  const checkOpen = (): void => {
    if (closed) throw new Error("native: the runtime is closed");
  };

  /** Closing waits for what is under way. */
  const tracked = async <T>(result: Promise<T>): Promise<T> => {
    running.add(result);
    try {
      return await result;
    } finally {
      running.delete(result);
    }
  };

  const startCall = (
    begin: (callback: (outcome: number) => void) => number,
    signal: AbortSignal | undefined,
  ): Promise<void> => {
    const { promise, resolve, reject } = withResolvers<void>();
    const id = begin((result) => {
      signal?.removeEventListener("abort", cancel);
      try {
        // An abort that came too late still says what the caller wants.
        signal?.throwIfAborted();
        settle(result);
        resolve();
      } catch (error) {
        reject(error);
      }
    });
    const cancel = (): void => addon.cancel(id);
    signal?.addEventListener("abort", cancel);
    return promise;
  };

  const start = (job: AttentionJob, info: RunInfo, signal: AbortSignal | undefined): Promise<RunInfo> => {
    const staged = mayVanish(job) ? freshLike(job.out) : undefined;
    const call = callArguments(job, staged ?? job.out, isa.index, info.threads, places, numbers);
    const promise = startCall((callback) => addon.attend(...call, callback), signal);
    return staged === undefined
      ? promise.then(() => info)
      : promise.then(() => copyRows(staged, job.out)).then(() => info);
  };

  /** A job of scores on no more threads than there is work for. */
  const pairCall = (job: PairJob, asked: number): { readonly call: CallArguments; readonly info: RunInfo } => {
    const { q, k } = job;
    const sizes = { batch: q.batch, heads: q.heads, kvHeads: k.heads, queries: q.length, keys: k.length };
    const units = pairUnits({ ...sizes, headDim: q.width });
    const worth = Math.ceil((2 * q.batch * q.heads * q.length * k.length * q.width) / THREAD_FLOPS);
    const allowed = Math.min(Math.max(1, asked), most);
    const threads = Math.max(1, Math.min(allowed, units.length / UNIT_INTS, worth));
    const call = pairArguments(job, units, isa.index, threads, places, numbers);
    return { call, info: infoUpTo(threads, allowed) };
  };

  /** Threads of a recurrence: no more than there are panels at the narrowest, or work. */
  const recurInfo = ({ shape, rule }: RecurrenceJob, asked: number): RunInfo => {
    const allowed = Math.min(Math.max(1, asked), most);
    const worth = Math.ceil(recurrenceFlops(shape, rule) / THREAD_FLOPS);
    const wanted = Math.max(1, Math.min(allowed, worth));
    const threads = Math.max(1, Math.min(wanted, panelCount(shape, panelColumns(shape, wanted))));
    return infoUpTo(threads, allowed);
  };

  /** State and normaliser are written beside the caller's and copied at the end: a transferred buffer must not be written to. */
  const startRecurrence = async (
    job: RecurrenceJob,
    info: RunInfo,
    signal: AbortSignal | undefined,
  ): Promise<RunInfo> => {
    const out = mayVanish(job) ? freshLike(job.out) : job.out;
    const state = job.state.slice();
    const normaliser = job.normaliser?.slice();
    const call = recurArguments(job, { out, state, normaliser }, isa.index, info.threads, recurNumbers);
    await startCall((callback) => addon.recur(...call, callback), signal);
    if (out !== job.out && job.mode !== "write") await copyRows(out, job.out);
    if (job.state.length === 0 && state.length > 0)
      throw new TypeError("native: the state was transferred while the call ran");
    job.state.set(state);
    if (normaliser !== undefined && job.mode !== "read") job.normaliser?.set(normaliser);
    return info;
  };

  const productInfo = ({ rows, inputs, outputs }: ProductJob, asked: number): RunInfo => {
    const allowed = Math.min(Math.max(1, asked), most);
    const worth = Math.ceil((2 * Math.max(rows, 1) * inputs * outputs) / THREAD_FLOPS);
    return infoUpTo(Math.max(1, Math.min(allowed, worth)), allowed);
  };

  const [lanes, group] = addon.productLayout(isa.index);
  const products: Products = {
    layout: { lanes, group },
    async run(job, { threads, signal }) {
      checkOpen();
      signal?.throwIfAborted();
      const info = productInfo(job, threads);
      const staged = !job.outIsNew && job.out.buffer instanceof ArrayBuffer;
      const out = staged ? new Float32Array(job.out.length) : job.out;
      const call = productArguments(job, out, isa.index, info.threads, productPlaces);
      await tracked(startCall((callback) => addon.product(...call, callback), signal));
      if (!staged) return info;
      if (job.out.length !== out.length)
        throw new TypeError("native: out was transferred or detached while the call ran");
      await copyFloats(out, job.out);
      return info;
    },
    runSync(job, { threads }) {
      checkOpen();
      const info = productInfo(job, threads);
      settle(addon.productSync(...productArguments(job, job.out, isa.index, info.threads, productPlaces)));
      return info;
    },
  };

  const runtime: Runtime = {
    name: "native",
    products,
    info: (threads) => infoOf(Math.min(Math.max(1, threads), most)),
    async attend(job, { threads, signal }) {
      checkOpen();
      signal?.throwIfAborted();
      return tracked(start(job, infoFor(job, threads), signal));
    },
    attendSync(job, { threads }) {
      checkOpen();
      const info = infoFor(job, threads);
      settle(addon.attendSync(...callArguments(job, job.out, isa.index, info.threads, places, numbers)));
      return info;
    },
    async scorePairs(job, { threads, signal }) {
      checkOpen();
      signal?.throwIfAborted();
      const { call, info } = pairCall(job, threads);
      await tracked(startCall((callback) => addon.attend(...call, callback), signal));
      return info;
    },
    scorePairsSync(job, { threads }) {
      checkOpen();
      const { call, info } = pairCall(job, threads);
      settle(addon.attendSync(...call));
      return info;
    },
    async recur(job, { threads, signal }) {
      checkOpen();
      signal?.throwIfAborted();
      return tracked(startRecurrence(job, recurInfo(job, threads), signal));
    },
    recurSync(job, { threads }) {
      checkOpen();
      const info = recurInfo(job, threads);
      const normaliser = job.normaliser?.slice();
      const targets = { out: job.out, state: job.state, normaliser };
      settle(addon.recurSync(...recurArguments(job, targets, isa.index, info.threads, recurNumbers)));
      if (normaliser !== undefined && job.mode !== "read") job.normaliser?.set(normaliser);
      return info;
    },
    rotateSync(job) {
      checkOpen();
      addon.rotate(...rotateArguments(job, isa.index, rotateNumbers));
    },
    allocate(length) {
      checkOpen();
      return arrayBuffer(runtime, length);
    },
    workspaceBytes(job, threads) {
      const { shape, schedule } = job;
      const plan = planUnits(shape, schedule);
      if (plan.unitCount === 0) return 0;
      const { headDim, valueDim } = shape;
      const needs = scratchNeeds(job);
      const [scratch, slot] = addon.workspace(isa.index, plan.rows, headDim, valueDim, operandCount(job), needs);
      const seats = Math.min(Math.max(1, threads), most, plan.unitCount);
      const programs = programsOf(job);
      const lists =
        line(plan.units.byteLength) +
        line(plan.tasks.byteLength) +
        2 * line(4 * shape.batch) +
        line(schedule.indices.byteLength) +
        line(4 * REACH_INTS * schedule.reaches.length) +
        line(packPrograms(programs).byteLength) +
        TABLE_BYTES * ((programs.mask?.tables.length ?? 0) + (programs.score?.tables.length ?? 0));
      return seats * line(scratch) + line(plan.slots * slot + 4 * (plan.slots > 0 ? plan.joins : 0)) + line(lists);
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await Promise.allSettled(running);
    },
  };
  return runtime;
}

/** Blocks of the addon are multiples of a cache line. */
function line(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

function mayVanish({ out, outIsNew }: Pick<AttentionJob, "out" | "outIsNew">): boolean {
  return outIsNew !== true && floatsOf(out).buffer instanceof ArrayBuffer;
}

function freshLike({ batch, heads, length, width, layout }: Tensor): Tensor {
  const data = new Float32Array(batch * heads * length * width);
  const strides = contiguous(layout, heads, length, width);
  return { data, batch, heads, length, width, layout, offset: 0, strides };
}

async function copyFloats(from: Float32Array, to: Float32Array): Promise<void> {
  for (let at = 0; at < from.length; at += COPIED_AT_ONCE) {
    if (at > 0) await pause();
    if (to.length === 0) throw new TypeError("native: out was transferred or detached while the call ran");
    to.set(from.subarray(at, at + COPIED_AT_ONCE), at);
  }
}

async function copyRows(from: Tensor, to: Tensor): Promise<void> {
  const source = floatsOf(from);
  const target = floatsOf(to);
  const { batch, heads, length, width } = from;
  let copied = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let n = 0; n < length; n++) {
        const at = from.offset + b * from.strides.b + h * from.strides.h + n * from.strides.n;
        if (target.length === 0) throw new TypeError("native: out was transferred or detached while the call ran");
        target.set(source.subarray(at, at + width), to.offset + b * to.strides.b + h * to.strides.h + n * to.strides.n);
        copied += width;
        if (copied < COPIED_AT_ONCE) continue;
        copied = 0;
        await pause();
      }
    }
  }
}

/** Promise.withResolvers, which Node 20 lacks. */
function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (reason: unknown) => void } {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
