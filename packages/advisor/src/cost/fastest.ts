export interface FastestOptions {
  /** Timed calls, after one that is not. Default 3. */
  readonly calls?: number | undefined;
  /** Milliseconds: a call that takes longer is the last. Default 100. */
  readonly enough?: number | undefined;
  /** Threads that the call runs on. Default 1. */
  readonly threads?: number | undefined;
}

/**
 * The least time of a few calls, in milliseconds: what else runs on a machine can only add to it. A call on one thread takes no longer than
 * its process computes, and so counts by that where other programs kept it waiting.
 */
export async function fastest(run: () => unknown, options: FastestOptions = {}): Promise<number> {
  const { calls = 3, enough = 100, threads = 1 } = options;
  let least = Infinity;
  for (let i = 0; i <= calls; i++) {
    const [start, before] = [performance.now(), processorMs()];
    await run();
    const wall = performance.now() - start;
    const used = processorMs() - before;
    const ms = threads === 1 && used > 0 ? Math.min(wall, used) : wall;
    if (i === 0) continue;
    least = Math.min(least, ms);
    if (ms > enough) break;
  }
  return least;
}

/** Milliseconds that all threads of this process have computed; 0 where nobody says. */
export function processorMs(): number {
  const { process } = globalThis as { process?: NodeJS.Process };
  const used = process?.cpuUsage?.();
  return used === undefined ? 0 : (used.user + used.system) / 1e3;
}
