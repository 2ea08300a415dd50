import { inTurns } from "../runtime/in-turns.ts";
import type { RunInfo, Runtime } from "../runtime/runtime.ts";
import { ALL_THREADS } from "../runtime/select.ts";
import { checkRecurrence } from "./check-recurrence.ts";
import { recurrenceLoops } from "./recurrence-loops.ts";
import type { RecurrenceJob, RecurrenceShape } from "./recurrence.ts";

export interface SyncRecurOptions {
  /** Threads at most. Default: what the runtime was opened with. */
  readonly threads?: number | undefined;
}

export interface RecurOptions extends SyncRecurOptions {
  /** Cancels: rejects with `signal.reason`; state and output are then half written. */
  readonly signal?: AbortSignal | undefined;
}

/** Operations up to which a recurrence runs before the promise is returned, as attention does. */
const INLINE_WORK = 64e6;

/**
 * Runs a recurrence on a runtime that has it, else in plain float64 loops on this thread. Small ones run before the promise is returned.
 *
 * @throws TypeError or RangeError naming `where` when the job's sizes do not fit together.
 */
export async function recur(
  where: string,
  job: RecurrenceJob,
  runtime: Runtime,
  options: RecurOptions = {},
): Promise<RunInfo> {
  checkRecurrence(where, job);
  const { threads = ALL_THREADS, signal } = options;
  if (isEmpty(job)) return runtime.info(threads);
  if (isInline(runtime, job.shape) && runtime.recurSync !== undefined) return runtime.recurSync(job, { threads });
  if (runtime.recur !== undefined) return runtime.recur(job, { threads, signal });
  signal?.throwIfAborted();
  await inTurns(recurrenceLoops(job), signal);
  return loopsInfo(runtime);
}

/** The same to the end before it returns. */
export function recurSync(
  where: string,
  job: RecurrenceJob,
  runtime: Runtime,
  options: SyncRecurOptions = {},
): RunInfo {
  checkRecurrence(where, job);
  const { threads = ALL_THREADS } = options;
  if (isEmpty(job)) return runtime.info(threads);
  if (runtime.recurSync !== undefined) return runtime.recurSync(job, { threads });
  for (const _ of recurrenceLoops(job));
  return loopsInfo(runtime);
}

/** Whether `recur` is done with such a job when it returns its promise. */
export function isInline(runtime: Runtime, shape: RecurrenceShape): boolean {
  const { batch, heads, valueHeads, tokens, headDim, valueDim } = shape;
  const work = 2 * batch * (Math.max(heads, valueHeads) + 2 * valueHeads) * tokens * headDim * valueDim;
  return runtime.name === "native" && runtime.recurSync !== undefined && work <= INLINE_WORK;
}

/** Bytes that the plain loops hold: one head in float64. */
export function loopBytes({ headDim, valueDim }: Pick<RecurrenceShape, "headDim" | "valueDim">): number {
  return 8 * (headDim * (valueDim + 1) + 2 * valueDim);
}

function isEmpty({ shape }: RecurrenceJob): boolean {
  return shape.batch * shape.tokens * Math.max(shape.heads, shape.valueHeads) === 0;
}

function loopsInfo(runtime: Runtime): RunInfo {
  const { notTaken } = runtime.info(1);
  const reasons = runtime.name === "reference" ? notTaken : [`${runtime.name}: it has no recurrence`, ...notTaken];
  return { runtime: "reference", instructionSet: "float64", threads: 1, notTaken: reasons };
}
