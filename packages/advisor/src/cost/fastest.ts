export interface FastestOptions {
  /** Timed calls, after one that is not. Default 4. */
  readonly calls?: number | undefined;
  /** Milliseconds: a call that takes longer is the last. Default 100. */
  readonly enough?: number | undefined;
  /** Threads that the call runs on. Default 1. */
  readonly threads?: number | undefined;
}

/**
 * The least time of a few calls, in milliseconds: what else runs on a machine can only add to it. Calls on one thread take no longer than
 * their process computes, and so count by the mean of that where other programs kept all of them waiting. (The mean: systems book what
 * other threads compute a little late, so that one call may seem to take nothing.)
 */
export async function fastest(run: () => unknown, options: FastestOptions = {}): Promise<number> {
  const { calls = 4, enough = 100, threads = 1 } = options;
  await run();
  let least = Infinity;
  let timed = 0;
  const before = processorMs();
  while (timed < calls) {
    const start = performance.now();
    await run();
    const ms = performance.now() - start;
    least = Math.min(least, ms);
    timed++;
    if (ms > enough) break;
  }
  const computed = (processorMs() - before) / timed;
  // One call alone may be booked too late.
  return threads === 1 && timed > 2 && computed > 0 ? Math.min(least, computed) : least;
}

/** Milliseconds that all threads of this process have computed; 0 where nobody says. */
export function processorMs(): number {
  const { process } = globalThis as { process?: NodeJS.Process };
  const used = process?.cpuUsage?.();
  return used === undefined ? 0 : (used.user + used.system) / 1e3;
}
