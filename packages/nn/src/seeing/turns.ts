import { pause } from "@saccade/core/variants";

/** Milliseconds after which the event loop gets a turn. */
const TURN_MS = 8;

/** Long work on the calling thread that others are let in between. */
export class Turns {
  readonly #signal: AbortSignal | undefined;
  #since: number = performance.now();

  constructor(signal: AbortSignal | undefined) {
    signal?.throwIfAborted();
    this.#signal = signal;
  }

  /** Gives the event loop a turn when it is due. @throws `signal.reason` when aborted. */
  async take(): Promise<void> {
    if (performance.now() - this.#since < TURN_MS) return;
    await pause();
    this.#signal?.throwIfAborted();
    this.#since = performance.now();
  }
}
