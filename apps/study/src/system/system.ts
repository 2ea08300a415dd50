import type { Attention, RuntimeName, Tensor } from "@saccade/core";
import type { Slice } from "../input/input.ts";

/** Options that every system of a study shares. */
export interface SystemOptions {
  readonly causal: boolean;
  /** Factor on q . k; undefined for 1 / sqrt(D). */
  readonly scale: number | undefined;
  readonly runtime: "auto" | RuntimeName;
  /** undefined for the available parallelism. */
  readonly threads: number | undefined;
}

/** Sizes of one call: batch 1, as many keys as queries. */
export interface CallShape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly length: number;
  readonly headDim: number;
  readonly valueDim: number;
}

/** What a call costs by analysis, before it runs. */
export interface Cost {
  /** Pairs (query row, key) that the result depends on. */
  readonly visiblePairs: number;
  /** Pairs whose score is computed. */
  readonly visitedPairs: number;
  /** 2 (D + E) for each visible pair. */
  readonly flops: number;
  /** Bytes held beyond inputs and output. */
  readonly workspaceBytes: number;
  /** Bytes of q, k and v that are read, counted as often as they are; undefined where nobody counted. */
  readonly bytesRead: number | undefined;
}

/** What one call gave, and what it ran on. Results of Saccade's attention are such. */
export interface CallResult {
  /** [1, H, N, E] */
  readonly out: Tensor;
  /** A runtime of Saccade's, or "javascript". */
  readonly runtime: string;
  readonly instructionSet: string;
  readonly threads: number;
  /** Why better runtimes or more threads were not taken. */
  readonly notTaken: readonly string[];
}

/** A system that is ready to run calls. */
export interface OpenSystem extends AsyncDisposable {
  /** The same as the system's, for the runtime that was opened. */
  cost(shape: CallShape): Cost;
  /** Computes attention of a slice into a new output. */
  run(slice: Slice): Promise<CallResult>;
}

/** One way of computing attention that a study measures. */
export interface System {
  readonly name: string;
  readonly description: string;
  /** What it computes: outputs are checked against this attention's float64 reference. */
  definition(options: SystemOptions): Attention;
  cost(shape: CallShape, options: SystemOptions): Cost;
  open(options: SystemOptions): Promise<OpenSystem>;
}
