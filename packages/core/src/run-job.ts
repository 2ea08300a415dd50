import type { AttentionResult, ForwardOptions, SyncForwardOptions } from "./attention.ts";
import type { AttentionJob, RunInfo, Runtime } from "./runtime/runtime.ts";
import { ALL_THREADS, withReasons, type RuntimeChoice } from "./runtime/select.ts";
import { checkSize } from "./shape.ts";
import { floatsOf } from "./tensor.ts";

/**
 * Work in floating-point operations up to which `forward` computes before it returns its promise: handing work to other threads and
 * back costs more than doing it. The slowest kernels do some 2e9 in a second, so the event loop waits 8 ms at worst.
 */
const INLINE_FLOPS = 16e6;

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
    runtime.name !== "reference" && work(job) <= INLINE_FLOPS
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

function threadsOf(where: string, threads: number | undefined): number {
  return threads === undefined ? ALL_THREADS : checkSize(where, "threads", threads, 1);
}

function work({ shape, schedule }: AttentionJob): number {
  return 2 * (shape.headDim + shape.valueDim) * schedule.visitedPairs;
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

function result(job: AttentionJob, info: RunInfo, options: SyncForwardOptions | undefined): AttentionResult {
  const { runtime, instructionSet, threads, notTaken } = info;
  const base = { out: job.out, runtime, instructionSet, threads, notTaken };
  if (job.lse === undefined) return base;
  return options?.partial === true
    ? ({ ...base, lse: job.lse, combine: "lse" } as AttentionResult)
    : { ...base, lse: job.lse };
}
