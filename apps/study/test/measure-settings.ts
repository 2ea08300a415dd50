import type { MeasureSettings } from "../src/cells/record.ts";

/** Settings that measure accuracy and nothing else, with what a test asks for. */
export function accuracySettings(asked: Partial<MeasureSettings> = {}): MeasureSettings {
  return {
    timeSeconds: 0,
    repeats: 1,
    decodeSteps: 0,
    sampledRows: 0,
    needleDepths: [],
    needleTrials: 0,
    tasks: [],
    cellSeconds: 60,
    cellBytes: undefined,
    threads: undefined,
    ...asked,
  };
}
