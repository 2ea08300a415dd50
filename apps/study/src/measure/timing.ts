/** Durations of repeated calls, in milliseconds. */
export interface Timing {
  readonly medianMs: number;
  readonly minMs: number;
  readonly maxMs: number;
  readonly runs: number;
}

export interface TimingOptions {
  /** Timed calls at most. */
  readonly repeats: number;
  /** Time after which no further call is started. */
  readonly budgetMs: number;
  /** Duration of a call that was made already. It warmed up, so it only counts where the budget leaves room for no other. */
  readonly firstMs: number;
}

/** Times calls one after the other until there are enough or the time is used up. */
export async function timeCalls(call: () => Promise<unknown>, options: TimingOptions): Promise<Timing> {
  const { repeats, budgetMs, firstMs } = options;
  const durations: number[] = [];
  let spent = firstMs;
  while (durations.length < repeats && spent < budgetMs) {
    const duration = await timeOf(call);
    durations.push(duration);
    spent += duration;
  }
  return summarize(durations.length > 0 ? durations : [firstMs]);
}

/** Duration of one call, in milliseconds. */
export async function timeOf(call: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await call();
  return performance.now() - start;
}

/** @param durations At least one. */
export function summarize(durations: readonly number[]): Timing {
  const sorted = durations.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { medianMs: median, minMs: sorted[0]!, maxMs: sorted.at(-1)!, runs: sorted.length };
}

/** Timing of several calls after each other, each timed alone. */
export function addTimings(timings: readonly Timing[]): Timing {
  const sum = (field: "medianMs" | "minMs" | "maxMs"): number =>
    timings.reduce((total, each) => total + each[field], 0);
  return {
    medianMs: sum("medianMs"),
    minMs: sum("minMs"),
    maxMs: sum("maxMs"),
    runs: Math.min(...timings.map((each) => each.runs)),
  };
}
