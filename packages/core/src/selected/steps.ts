import type { AttentionResult, ForwardOptions, SyncForwardOptions } from "../attention.ts";
import { pairScores, pairScoresSync, type PairScoreInputs } from "../pair-scores.ts";
import { runJob, runJobSync } from "../run-job.ts";
import { recur as runRecurrence, recurSync } from "../recurrence/recur.ts";
import type { RecurrenceJob } from "../recurrence/recurrence.ts";
import { pause } from "../runtime/pause.ts";
import type { AttentionJob, RunInfo, Runtime } from "../runtime/runtime.ts";
import { ALL_THREADS, type RuntimeChoice } from "../runtime/select.ts";

/** What a computation asks for on its way: scores of pairs, attention over a schedule, a recurrence, or a turn for the event loop. */
export type Step =
  | { readonly kind: "scores"; readonly inputs: PairScoreInputs }
  | { readonly kind: "attend"; readonly job: AttentionJob }
  | { readonly kind: "recur"; readonly job: RecurrenceJob }
  | { readonly kind: "pause" };

/**
 * A computation that is written once and runs with or without waiting: `run` and `runSync` answer what it asks for. Between two steps
 * it should take a few milliseconds at most.
 */
export type Steps<R> = Generator<Step, R, unknown>;

/** Scores of pairs, as `pairScores` has them. */
export function* scores(inputs: PairScoreInputs): Steps<Float32Array> {
  return (yield { kind: "scores", inputs }) as Float32Array;
}

/** One job. Its result has what the job has room for. */
export function* attend(job: AttentionJob): Steps<AttentionResult> {
  return (yield { kind: "attend", job }) as AttentionResult;
}

/** One recurrence. It writes the job's output and states. */
export function* recur(job: RecurrenceJob): Steps<RunInfo> {
  return (yield { kind: "recur", job }) as RunInfo;
}

/** A place where the event loop may get a turn. */
export function* breathe(): Steps<void> {
  yield { kind: "pause" };
}

/** Where and how steps run. */
export interface StepsOptions<O> {
  /** As errors name it. */
  readonly where: string;
  readonly runtime: Runtime;
  readonly choice: RuntimeChoice;
  readonly options: O | undefined;
}

/** Milliseconds after which the event loop gets a turn. */
const TURN = 8;

/** Runs without blocking the event loop, and rejects with `signal.reason` when aborted. */
export async function run<R>(
  steps: Steps<R>,
  { where, runtime, choice, options }: StepsOptions<ForwardOptions>,
): Promise<R> {
  const { threads = ALL_THREADS, signal } = options ?? {};
  let since = performance.now();
  for (let step = steps.next(); ;) {
    if (step.done === true) return step.value;
    signal?.throwIfAborted();
    const { value } = step;
    let answer: unknown;
    if (value.kind === "scores") answer = await pairScores(where, value.inputs, runtime, { threads, signal });
    else if (value.kind === "attend") answer = await runJob(where, runtime, choice, value.job, { threads, signal });
    else if (value.kind === "recur") answer = await runRecurrence(where, value.job, runtime, { threads, signal });
    // Small jobs run before their promise is returned: waiting for one need not give the event loop a turn.
    if (performance.now() - since >= TURN) {
      await pause();
      since = performance.now();
    }
    step = steps.next(answer);
  }
}

/** Runs to the end before it returns. */
export function runSync<R>(steps: Steps<R>, { where, runtime, choice, options }: StepsOptions<SyncForwardOptions>): R {
  const threads = options?.threads ?? ALL_THREADS;
  for (let step = steps.next(); ;) {
    if (step.done === true) return step.value;
    const { value } = step;
    let answer: unknown;
    if (value.kind === "scores") answer = pairScoresSync(where, value.inputs, runtime, { threads });
    else if (value.kind === "attend") answer = runJobSync(where, runtime, choice, value.job, { threads });
    else if (value.kind === "recur") answer = recurSync(where, value.job, runtime, { threads });
    step = steps.next(answer);
  }
}
