import type { MemoryMethod } from "./memory.ts";

/** One line of `cells.jsonl`. */
export type StudyRecord = StudyHeader | MachineRecord | CellRecord;

/** The first line: what the whole grid is. Studies with equal grids can be resumed and merged. */
export interface StudyHeader {
  readonly record: "study";
  /** Raised when lines change their meaning. */
  readonly version: 2;
  readonly name: string;
  /** Hash of `grid` in a canonical order: results of different grids do not go together. */
  readonly gridHash: string;
  readonly grid: Grid;
  /** Variants of the grid: description and whether they need training, by id. */
  readonly variants: Readonly<Record<string, VariantSummary>>;
  /** Inputs in words, with their sizes, by name. */
  readonly inputs: Readonly<Record<string, InputSummary>>;
}

export interface VariantSummary {
  readonly description: string;
  readonly family: string;
  readonly packageName: string;
  readonly needsTraining: boolean;
  readonly exact: boolean;
}

export interface InputSummary {
  readonly description: string;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
}

/** Everything that decides what cells there are and what they mean. Plain data. */
export interface Grid {
  /** Canonical ids of variants, in the order in which they run. */
  readonly variants: readonly string[];
  /** Tokens, ascending. */
  readonly lengths: readonly number[];
  /** Inputs by name. */
  readonly inputs: Readonly<Record<string, GridInput>>;
  readonly runtimes: readonly ("auto" | "native" | "wasm" | "reference")[];
  readonly causal: true;
  readonly seed: number;
  readonly measure: MeasureSettings;
  /** Hash of the file that defines variants of its own, where one does. */
  readonly ownVariants?: string | undefined;
}

/** What an input is, without where its file lies: files are named by their contents, so that other machines may keep them elsewhere. */
export interface GridInput {
  readonly kind: string;
  /** Tokens there are: longer cells do not exist. */
  readonly maxLength: number;
  readonly [setting: string]: string | number | undefined;
}

/** How much is measured of each cell. */
export interface MeasureSettings {
  /** Seconds of timed calls. */
  readonly timeSeconds: number;
  /** Timed calls at most. */
  readonly repeats: number;
  /** Steps of the decoder that are timed, 0 for none. */
  readonly decodeSteps: number;
  /** Query rows whose outputs are compared with dense attention in float64, 0 for none. */
  readonly sampledRows: number;
  /** Depths of needles, in 0..1; none for no needles. */
  readonly needleDepths: readonly number[];
  /** Needles at each depth. */
  readonly needleTrials: number;
  /** RULER-like tasks. */
  readonly tasks: readonly TaskName[];
  /** A cell is stopped after so many seconds. */
  readonly cellSeconds: number;
  /** A cell is stopped when it holds more bytes than this beyond its inputs. Default: what the machine has free. */
  readonly cellBytes?: number | undefined;
  /** Threads at most. Default: the available parallelism. */
  readonly threads?: number | undefined;
}

export type TaskName = "single" | "multi-key" | "multi-value" | "variable-tracking";

/** A machine that ran cells. A study continued or merged may have several. */
export interface MachineRecord {
  readonly record: "machine";
  /** Hash of what it is and runs: of what follows but the date, the command and what was measured. */
  readonly id: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly os: string;
  readonly node: string;
  /** Of @saccade/core. */
  readonly saccade: string;
  /** Of the repository, where it runs in one. */
  readonly commit: string | undefined;
  /** ISO 8601 */
  readonly date: string;
  readonly command: string;
  /** Multiply-adds that its runtime reaches on dense attention in the caches, GFLOP/s with all threads and with one. */
  readonly peakGflops: number;
  readonly peakGflopsOneThread: number;
  /** GB/s that it reads from memory, all threads. */
  readonly readGBs: number;
}

/** What names a cell within its grid. */
export interface CellKey {
  readonly variant: string;
  readonly input: string;
  readonly length: number;
  readonly runtime: "auto" | "native" | "wasm" | "reference";
}

export type CellRecord = MeasuredCell | UnmeasuredCell;

/** A cell that was not measured is a result as well, and says why. */
export interface UnmeasuredCell extends CellKey {
  readonly record: "cell";
  /** The machine's id. */
  readonly machine: string;
  /** `too-large`, `too-slow`: by prediction, without running. `out-of-memory`, `out-of-time`: it ran and was stopped. */
  readonly status: "too-large" | "too-slow" | "out-of-memory" | "out-of-time" | "failed";
  readonly reason: string;
}

export interface MeasuredCell extends CellKey {
  readonly record: "cell";
  readonly machine: string;
  readonly status: "measured";
  /** What it ran on: runtime, instruction set, threads; and why better was not taken. */
  readonly ran: {
    readonly runtime: string;
    readonly instructionSet: string;
    readonly threads: number;
    readonly notTaken: readonly string[];
  };
  readonly prefill: Prefill;
  readonly memory: CellMemory;
  readonly decode: Decode | undefined;
  readonly accuracy: Accuracy | undefined;
  readonly retrieval: TextRetrieval | undefined;
  readonly needles: readonly NeedleDepth[];
  readonly tasks: readonly TaskScore[];
}

export interface Prefill {
  /** Milliseconds, as are the next. */
  readonly medianMs: number;
  readonly p75Ms: number;
  /** Relative margin of error of the mean, 95%, as a share; of passes together, of the worst. */
  readonly rme: number;
  readonly samples: number;
  readonly tokensPerSecond: number;
  /** Operations by plan. */
  readonly flops: number;
  readonly bytesRead: number;
  readonly visitedPairs: number | undefined;
  readonly gflops: number;
  /** `gflops` as a share of the machine's peak with as many threads. */
  readonly peakShare: number;
}

export interface CellMemory {
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Output and workspace by plan: what `peakBytes` should be near, the runtime aside. */
  readonly planBytes: number;
  /** Peak resident memory during a call beyond inputs, with the runtime open. Contains the output. */
  readonly peakBytes: number;
  readonly runtimeBytes: number;
  readonly method: MemoryMethod;
  /**
   * Calls that one after the other made the prefill: groups of heads whose inputs are made together, times pieces of queries whose output
   * is. Times are their sums, peaks and bytes by plan of one at a time.
   */
  readonly passes: number;
}

export interface Decode {
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly steps: number;
  readonly cacheBytes: number;
}

/** Against dense attention in float64 on sampled query rows. */
export interface Accuracy {
  /** Rows that were compared: sampled positions times query heads. */
  readonly rows: number;
  /** Of those, outputs with a number that is not finite; they count as zeros. */
  readonly notFiniteRows: number;
  /** sqrt(sum |out - dense|^2 / sum |dense|^2) */
  readonly relativeL2: number;
  /** Mean over rows. */
  readonly cosine: number;
  /** Mean share of dense attention's mass on keys that the variant sees; undefined where it is no softmax over keys. */
  readonly massRecall: number | undefined;
  /** Of query heads, mean over rows. */
  readonly massRecallByHead: readonly number[] | undefined;
}

/** How often an output names the token that followed, on text. */
export interface TextRetrieval {
  readonly scored: number;
  readonly correct: number;
  readonly farScored: number;
  readonly farCorrect: number;
}

export interface NeedleDepth {
  /** Place of the needle, 0 the beginning and 1 the end of the context. */
  readonly depth: number;
  readonly trials: number;
  readonly found: number;
}

export interface TaskScore {
  readonly task: TaskName;
  readonly trials: number;
  /** Mean score of the trials, 0..1. */
  readonly score: number;
}
