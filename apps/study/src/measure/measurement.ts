import type { InputSpec, Retrieval } from "../input/input.ts";
import type { Cost, SystemOptions } from "../system/system.ts";
import type { MemoryMethod } from "./memory.ts";
import type { SampledError } from "./sampled-error.ts";
import type { TargetMass } from "./target-mass.ts";
import type { Timing } from "./timing.ts";

/** One system at one length: what a child process is asked to measure. Plain data, as it is sent to the child. */
export interface Cell {
  readonly system: string;
  readonly length: number;
  readonly input: InputSpec;
  readonly options: SystemOptions;
  readonly repeats: number;
  /** Milliseconds of timed calls after which no further one is started. */
  readonly budgetMs: number;
  /** Bytes of q, k and v that are made at once; with more, heads are measured in groups, one after the other. */
  readonly inputBytesAtOnce: number;
}

/** What a cell's child process found. */
export interface Measurement extends Timing, SampledError, Cost {
  readonly runtime: string;
  readonly instructionSet: string;
  readonly threads: number;
  /** Why better runtimes or more threads were not taken. */
  readonly notTaken: readonly string[];
  /** 2 (D + E) per visible pair, by the median time. */
  readonly gflops: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  /** Bytes by analysis: output and workspace of one group of heads. What `peakBytes` should be near, the runtime aside. */
  readonly analyticBytes: number;
  /** Peak resident memory during the first call, beyond what was resident with the inputs made and no runtime open. Contains the output. */
  readonly peakBytes: number;
  /** Of the peak, what opening the runtime and a call on 16 tokens had already taken. */
  readonly runtimeBytes: number;
  readonly memoryMethod: MemoryMethod;
  /** Groups of heads that were measured one after the other; times are their sums, peaks their maximum. */
  readonly passes: number;
  /** Undefined where the input has no ground truth. */
  readonly retrieval: Retrieval | undefined;
  /** Undefined where heads are given, not constructed. */
  readonly targetMass: TargetMass | undefined;
}
