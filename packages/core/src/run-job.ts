import type { AttentionResult, ForwardOptions, SyncForwardOptions } from "./attention.ts";
import type { AttentionJob, RunInfo, Runtime } from "./runtime/runtime.ts";
import { ALL_THREADS, withReasons, type RuntimeChoice } from "./runtime/select.ts";
import { checkSize } from "./shape.ts";
import { floatsOf } from "./tensor.ts";

/**
 * Work up to which `forward` on native computes before it returns its promise, in operations: waking the pool and coming back costs
 * some 0.3 ms. It takes 1 ms with AVX2 and D = 64; the slowest kernel measured (plain C, D = 1, masks) does 8e9 a second, so the event
 * loop waits for 8 ms at worst. WebAssembly decides for itself, by what its workers do.
 */
const INLINE_WORK = 64e6;

/** Operations that a pair costs beside its products: exponentials, maxima, masks. */
const PAIR_WORK = 64;

/** Runs a job now when it is small, else without blocking. */
export async function runJob(
  where: string,
  runtime: Runtime,
  choice: RuntimeChoice,
  job: AttentionJob,
  options: ForwardOptions | undefined,
): Promise<AttentionResult> {
  const threads = threadsOf(where, options?.threads);
  const signal = options?.signal;
  if (isEmpty(job)) return result(job, withReasons(choice, writeEmpty(job, runtime.info(threads))), options);
  const info =
    runtime.name === "native" && work(job) <= INLINE_WORK
      ? runtime.attendSync(job, { threads })
      : await runtime.attend(job, { threads, signal });
  return result(job, withReasons(choice, info), options);
}

export function runJobSync(
  where: string,
  runtime: Runtime,
  choice: RuntimeChoice,
  job: AttentionJob,
  options: SyncForwardOptions | undefined,
): AttentionResult {
  const threads = threadsOf(where, options?.threads);
  const info = isEmpty(job) ? writeEmpty(job, runtime.info(threads)) : runtime.attendSync(job, { threads });
  return result(job, withReasons(choice, info), options);
}

/** Threads of a call at most: those that were asked for, or all that its runtime has. */
export function threadsOf(where: string, threads: number | undefined): number {
  return threads === undefined ? ALL_THREADS : checkSize(where, "threads", threads, 1);
}

function work({ shape, schedule }: AttentionJob): number {
  return (2 * (shape.headDim + shape.valueDim) + PAIR_WORK) * schedule.visitedPairs;
}

function isEmpty({ shape }: AttentionJob): boolean {
  return shape.batch === 0 || shape.heads === 0 || shape.queries === 0 || shape.keys === 0;
}

/** Without keys every row is 0 and its lse that of the sink; without rows there is nothing to write. */
function writeEmpty(job: AttentionJob, info: RunInfo): RunInfo {
  const { shape, out, lse, scores } = job;
  const floats = floatsOf(out);
  for (let b = 0; b < shape.batch; b++) {
    for (let h = 0; h < shape.heads; h++) {
      const row = (b * shape.heads + h) * shape.queries;
      lse?.fill(scores.learnedSinks?.[h] ?? -Infinity, row, row + shape.queries);
      for (let i = 0; i < shape.queries; i++) {
        const at = out.offset + b * out.strides.b + h * out.strides.h + i * out.strides.n;
        floats.fill(0, at, at + shape.valueDim);
      }
    }
  }
  return info;
}

/** What a job's call returns. */
export function result(
  job: Pick<AttentionJob, "out" | "lse">,
  { runtime, instructionSet, threads, notTaken }: RunInfo,
  options: SyncForwardOptions | undefined,
): AttentionResult {
  const base = { out: job.out, runtime, instructionSet, threads, notTaken };
  if (job.lse === undefined) return base;
  return options?.partial === true
    ? ({ ...base, lse: job.lse, combine: "lse" } as AttentionResult)
    : { ...base, lse: job.lse };
}
