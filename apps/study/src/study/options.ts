import type { RuntimeName } from "@saccade/core";
import type { InputSpec } from "../input/input.ts";

/** Everything a study is asked for. Plain data. */
export interface StudyOptions {
  readonly input: InputSpec;
  /** Ascending. */
  readonly lengths: readonly number[];
  /** Names of systems, in the order in which they run. */
  readonly systems: readonly string[];
  readonly causal: boolean;
  readonly runtime: "auto" | RuntimeName;
  /** undefined for the available parallelism. */
  readonly threads?: number | undefined;
  /** Timed calls of a cell at most. */
  readonly repeats: number;
  /** Seconds of timed calls after which a cell starts no further one. */
  readonly cellSeconds: number;
  /** A cell whose call is expected to take longer is not run. */
  readonly callSeconds: number;
  /** Bytes that a cell may need beyond what is resident anyway; undefined for what is free when it starts. */
  readonly memoryBytes?: number | undefined;
}

/** What a preset decides; everything else is the same in all of them. */
export interface Preset {
  readonly description: string;
  readonly lengths: readonly number[];
  readonly systems: readonly string[];
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly repeats: number;
  readonly cellSeconds: number;
  readonly callSeconds: number;
}

export type PresetName = "start" | "smoke" | "long" | "million";

export const PRESETS: Readonly<Record<PresetName, Preset>> = {
  start: {
    description: "512 to 32768 tokens, about a minute",
    lengths: [512, 1024, 2048, 4096, 8192, 16384, 32768],
    systems: ["dense", "naive"],
    heads: 6,
    kvHeads: 3,
    headDim: 64,
    repeats: 15,
    cellSeconds: 3,
    callSeconds: 30,
  },
  smoke: {
    description: "256 and 512 tokens, seconds",
    lengths: [256, 512],
    systems: ["dense", "naive"],
    heads: 3,
    kvHeads: 3,
    headDim: 64,
    repeats: 3,
    cellSeconds: 1,
    callSeconds: 5,
  },
  long: {
    description: "8192 to 131072 tokens, dense only, minutes",
    lengths: [8192, 16384, 32768, 65536, 131072],
    systems: ["dense"],
    heads: 6,
    kvHeads: 3,
    headDim: 64,
    repeats: 5,
    cellSeconds: 20,
    callSeconds: 600,
  },
  million: {
    description: "65536 to 1048576 tokens of one head, dense only, half an hour on two cores",
    lengths: [65536, 262144, 1048576],
    systems: ["dense"],
    heads: 1,
    kvHeads: 1,
    headDim: 64,
    repeats: 3,
    cellSeconds: 60,
    callSeconds: 7200,
  },
};
