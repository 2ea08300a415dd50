import { Bench } from "tinybench";

/** Durations of one and the same call, in milliseconds. */
export interface Timing {
  readonly medianMs: number;
  readonly p75Ms: number;
  readonly p99Ms: number;
  /** Relative margin of error of the mean, 95%, as a share. */
  readonly rme: number;
  readonly samples: number;
}

/** A margin of error needs two of them. */
const FEWEST = 2;

/**
 * Times a call that has run before.
 *
 * @param firstMs How long it took then: calls that would take longer than the time together are left out.
 */
export async function timedCalls(
  call: () => Promise<unknown>,
  { seconds, repeats, firstMs }: { readonly seconds: number; readonly repeats: number; readonly firstMs: number },
): Promise<Timing> {
  const iterations = Math.max(FEWEST, Math.min(repeats, Math.floor((1000 * seconds) / firstMs)));
  return timed(call, iterations, true);
}

/** Times exactly so many calls. */
export async function timed(call: () => unknown, iterations: number, async: boolean): Promise<Timing> {
  const bench = new Bench({ iterations, time: 0, warmup: false, throws: true });
  bench.add("call", call, { async });
  const [task] = await bench.run();
  const result = task?.result;
  if (result?.state !== "completed") throw new Error(`timing: calls ended as ${result?.state}`);
  const { p50, p75, p99, rme, samplesCount } = result.latency;
  return { medianMs: p50, p75Ms: p75, p99Ms: p99, rme: rme / 100, samples: samplesCount };
}
