import { pause } from "./pause.ts";

/** Milliseconds after which the event loop gets a turn. */
export const TURN_MS = 8;

/**
 * Runs slices of work to the end and gives the event loop a turn in time.
 *
 * @throws `signal.reason` when aborted; slices that are left are not run.
 */
export async function inTurns(slices: Generator<void>, signal: AbortSignal | undefined): Promise<void> {
  let turn = performance.now();
  for (const _ of slices) {
    if (performance.now() - turn < TURN_MS) continue;
    await pause();
    signal?.throwIfAborted();
    turn = performance.now();
  }
}
