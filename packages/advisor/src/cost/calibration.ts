/** Times of a variant against what the formulas expect, at the widths that were measured. */
export interface Correction {
  /** Measured over expected time of a call on one thread, at D = 64 and 128. */
  readonly prefill: readonly [at64: number, at128: number];
  /** Milliseconds of a decoder's step with little behind it; undefined where there is no decoder. */
  readonly stepMs: number | undefined;
}

/** What this machine was measured for. Plain data. */
export interface Calibration {
  /** Raised when the numbers change their meaning. */
  readonly version: 1;
  readonly cpu: string;
  readonly runtime: string;
  readonly instructionSet: string;
  /** Threads that a call had at most, where it had more than one. */
  readonly threads: number;
  /** Milliseconds of a call without work. */
  readonly callMs: number;
  /** Nanoseconds of softmax attention at widths D = E, ascending: for every row, and for every visible pair. */
  readonly attend: readonly { readonly width: number; readonly rowNs: number; readonly pairNs: number }[];
  /** Nanoseconds for an operation of a recurrence without gates, at D = E = 64 and 128. */
  readonly recurrenceNs: readonly [at64: number, at128: number];
  /** What more threads bring the kernels: time on one over time on `threads`, at most `threads`. */
  readonly speedup: number;
  /** Bytes a second that steps of a decoder read, by how many they read: one thread. */
  readonly read: readonly { readonly bytes: number; readonly bytesPerSecond: number }[];
  /** What more threads bring a step that reads as much as the last of `read`. */
  readonly readSpeedup: number;
  /** Bytes that the runtime itself takes once it has run. */
  readonly runtimeBytes: number;
  readonly variants: Readonly<Record<string, Correction>>;
}
