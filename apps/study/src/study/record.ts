import type { Measurement } from "../measure/measurement.ts";
import type { Environment } from "./environment.ts";
import type { StudyOptions } from "./options.ts";

/** One line of a study's JSON lines. */
export type StudyRecord = StudyHeader | CellRecord;

/** The first line: what was asked for, and where it ran. */
export interface StudyHeader {
  readonly record: "study";
  /** Raised when lines change their meaning. */
  readonly version: 1;
  readonly environment: Environment;
  readonly options: StudyOptions;
  /** The input in words. */
  readonly input: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  /** The systems' descriptions by name. */
  readonly systems: Readonly<Record<string, string>>;
}

/** One system at one length. A cell that was not measured is a result as well, and says why. */
export type CellRecord = MeasuredCell | UnmeasuredCell;

export interface MeasuredCell extends Measurement {
  readonly record: "cell";
  readonly system: string;
  readonly length: number;
  readonly status: "measured";
}

export interface UnmeasuredCell {
  readonly record: "cell";
  readonly system: string;
  readonly length: number;
  /** `too-large`: memory by analysis above the limit. `too-slow`: expected to take too long. `not-compared`: dense did not retrieve. */
  readonly status: "too-large" | "too-slow" | "not-compared" | "failed";
  readonly reason: string;
}
