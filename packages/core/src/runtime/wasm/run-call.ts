import { TURN_MS } from "../in-turns.ts";
import { pause } from "../pause.ts";
import type { KernelExports } from "./kernel-instance.ts";
import type { Pool } from "./pool.ts";
import type { StagedCall } from "./staged-call.ts";

const ALL_UNITS = 0x7fff_ffff;
const SLICE_MS = 3;

/** Runs a call to its end on this thread, and on workers too when a pool is given. */
export function runSync(call: StagedCall, kernels: KernelExports, pool: Pool | undefined): void {
  const helpers = pool === undefined ? 0 : call.threads - 1;
  for (const wave of call.plan.waves) {
    const work = call.begin(wave);
    for (const panel of work.panels) {
      call.stage(wave, panel, 0);
      call.write(wave, work, panel, 0);
      if (helpers > 0) pool?.begin(call.jobAddress, call.nextIndex, helpers);
      // The highest thread number is this thread's.
      kernels.run(call.jobAddress, helpers, ALL_UNITS);
      if (helpers > 0) pool?.joinSync();
    }
    call.end(wave);
  }
}

/** Runs a call on this thread and gives the event loop a turn in time. */
export async function runInTurns(
  call: StagedCall,
  kernels: KernelExports,
  signal: AbortSignal | undefined,
): Promise<void> {
  let turn = performance.now();
  const look = async (): Promise<void> => {
    if (performance.now() - turn < TURN_MS) return;
    await pause();
    signal?.throwIfAborted();
    turn = performance.now();
  };
  let units = 1;
  for (const wave of call.plan.waves) {
    const work = call.begin(wave);
    for (const panel of work.panels) {
      await look();
      call.stage(wave, panel, 0);
      call.write(wave, work, panel, 0);
      for (;;) {
        await look();
        const before = performance.now();
        if (kernels.run(call.jobAddress, 0, units) === 1) break;
        const took = performance.now() - before;
        // How many units run between two looks depends on the clock; what they compute does not.
        if (took < SLICE_MS / 2) units = Math.min(2 * units, 4096);
        else if (took > SLICE_MS) units = Math.max(1, units >> 1);
      }
    }
    await look();
    call.end(wave);
  }
}

/** Runs a call on workers while this thread copies: the next panel is in place when they have finished one. */
export async function runOnWorkers(call: StagedCall, pool: Pool, signal: AbortSignal | undefined): Promise<void> {
  const cut = (): void => pool.cut();
  signal?.addEventListener("abort", cut, { once: true });
  try {
    for (const wave of call.plan.waves) {
      const work = call.begin(wave);
      let buffer = 0;
      call.stage(wave, work.panels[0]!, buffer);
      for (let i = 0; i < work.panels.length; i++) {
        call.write(wave, work, work.panels[i]!, buffer);
        pool.begin(call.jobAddress, call.nextIndex, call.threads);
        buffer = 1 - buffer;
        let failure: Error | undefined;
        try {
          if (i + 1 < work.panels.length) call.stage(wave, work.panels[i + 1]!, buffer);
        } catch (error) {
          // The workers still read and write the call's memory.
          failure = error instanceof Error ? error : new Error(String(error));
          pool.cut();
        }
        await pool.join();
        signal?.throwIfAborted();
        if (failure !== undefined) throw failure;
      }
      call.end(wave);
    }
  } finally {
    signal?.removeEventListener("abort", cut);
  }
}
