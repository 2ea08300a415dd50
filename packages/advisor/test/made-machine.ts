import type { Calibration } from "../src/index.ts";

/** A machine that nobody measured, so that what is predicted on it does not change from run to run. */
export const MACHINE: Calibration = {
  version: 1,
  cpu: "made up",
  runtime: "native",
  instructionSet: "avx512",
  threads: 2,
  callMs: 0.05,
  attend: [32, 64, 128, 256].map((width) => ({ width, rowNs: 3.5 * width, pairNs: 0.0165 * width })),
  recurrenceNs: [0.01, 0.0085],
  speedup: 1.9,
  read: [
    { bytes: 2 ** 20, bytesPerSecond: 2e10 },
    { bytes: 2 ** 23, bytesPerSecond: 3e10 },
    { bytes: 2 ** 26, bytesPerSecond: 3e10 },
  ],
  readSpeedup: 1.5,
  runtimeBytes: 2e6,
  variants: {},
};
