import type { Mask, Score } from "../expression/expression.ts";
import type { Reach } from "../schedule/reach.ts";
import type { RecurrenceJob } from "../recurrence/recurrence.ts";
import type { RotationJob } from "../rotation.ts";
import type { Schedule } from "../schedule/schedule.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import type { StoredType } from "../stored.ts";
import type { BiasTensor, MaskTensor, Tensor } from "../tensor.ts";

/** Names of the runtimes a caller may ask for. */
export type RuntimeName = "native" | "wasm" | "reference";

/** What happens to a score between the product q . k and the softmax, in this order. */
export interface ScoreTerms {
  /** Factor on q . k. */
  readonly scale: number;
  /** c in c tanh(s / c); 0 for none. */
  readonly softcap: number;
  /** What becomes of a score after the softcap; -Infinity hides the pair. */
  readonly score?: Score | undefined;
  /** Added after that; -Infinity hides the pair. */
  readonly bias: BiasTensor | undefined;
  /** 0 hides the pair. */
  readonly mask: MaskTensor | undefined;
  /** One logit per query head, [H], that takes part in the denominator only. Never part of a partial result. */
  readonly learnedSinks: Float32Array | undefined;
}

/** Which pairs are visible: key < keyLength[b], inside the reach of the query's position, and shown by the mask and the lists. */
export interface Visibility {
  readonly reach: Reach;
  readonly mask: Mask | undefined;
  /** Whether lists that no expression says show a pair: the schedule visits no others. Default: all pairs. */
  readonly listed?: ((q: number, k: number, b: number, h: number) => boolean) | undefined;
}

/** Keys or values that a cache keeps: how its numbers are stored, and for int8 the factor of every row, [B, G, rows]. */
export interface StoredRows {
  readonly type: StoredType;
  readonly scales: RuntimeBuffer | undefined;
}

/** One softmax attention over a schedule. Shapes are checked before a runtime sees it. */
export interface AttentionJob {
  readonly shape: AttentionShape;
  readonly q: Tensor;
  /** Queries of operands 1, 2, ...: those of `q`, turned differently, with the same sizes and strides. Default none. */
  readonly turned?: readonly Tensor[] | undefined;
  /** Which operand a pair takes, by query position and key; the schedule's tasks say the same. Default 0. */
  readonly operandOf?: ((q: number, k: number) => number) | undefined;
  /** [B, G, rows, D], key j in row j, or where the tasks say. */
  readonly k: Tensor;
  readonly v: Tensor;
  /** The key in row 0 of `k` and `v`, where others follow in order, and earlier ones take no part. Default 0. */
  readonly firstKey?: number | undefined;
  /** Row of `k` and `v` in which a key lies; the schedule's tasks say the same. Default key - firstKey. */
  readonly rowOfKey?: ((key: number) => number) | undefined;
  /** How `k` and `v` are stored, where that is not f32; strides then count stored numbers. */
  readonly stored?: { readonly k: StoredRows; readonly v: StoredRows } | undefined;
  /** Every row is written. */
  readonly out: Tensor;
  /** `out` was made for this call: nobody else can read it or transfer its buffer before the call ends. Default false. */
  readonly outIsNew?: boolean | undefined;
  /** [B, H, N], contiguous; written when given. */
  readonly lse: Float32Array | undefined;
  readonly schedule: Schedule;
  readonly scores: ScoreTerms;
  readonly positions: Positions;
  readonly visibility: Visibility;
}

/** What decides about a call's memory. */
export type WorkspaceJob = Pick<AttentionJob, "shape" | "schedule" | "scores" | "stored"> & {
  readonly turned?: { readonly length: number } | undefined;
};

/** How the scores of a key head's query heads h become one, or that they do not. */
export type PairReduction =
  | { readonly kind: "each" }
  /** sum_h scale q_h . k */
  | { readonly kind: "sum" }
  /** max_h scale q_h . k */
  | { readonly kind: "max" }
  /** sum_h e^(scale q_h . k - lse_h), lse [B, H, N] */
  | { readonly kind: "mass"; readonly lse: Float32Array }
  /** sum_h w_h max(0, scale q_h . k), weights [B, H, N] */
  | { readonly kind: "relu"; readonly weights: Float32Array };

/** Scores of every query against every key, written out. */
export interface PairJob {
  /** [B, H, N, D] */
  readonly q: Tensor;
  /** [B, G, M, D] */
  readonly k: Tensor;
  readonly scale: number;
  readonly reduce: PairReduction;
  /** [B, H, N, M], or [B, G, N, M] where heads are reduced; made for this job. */
  readonly out: Float32Array;
}

/** How a runtime has weights ordered: [O / group][I][group], the last group as many vectors of `lanes` wide as hold the rest. */
export interface ProductLayout {
  readonly lanes: number;
  readonly group: number;
}

/** out = x w' + bias; or, without x, weights [O, I] put in the order of the runtime. */
export interface ProductJob {
  /** N */
  readonly rows: number;
  /** I */
  readonly inputs: number;
  /** O */
  readonly outputs: number;
  /** [N, I] */
  readonly x: Float32Array | undefined;
  /** In the order of the runtime; without x [O, I]. */
  readonly weights: Float32Array | Uint16Array;
  readonly type: "f32" | "f16" | "bf16";
  /** [O] */
  readonly bias?: Float32Array | undefined;
  /** [N, O], or the ordered weights. */
  readonly out: Float32Array;
  /** `out` was made for this job: nobody else can transfer its buffer before it ends. */
  readonly outIsNew: boolean;
}

/** Matrix products of a runtime that has them beside its scores of pairs. */
export interface Products {
  readonly layout: ProductLayout;
  run(
    job: ProductJob,
    options: { readonly threads: number; readonly signal: AbortSignal | undefined },
  ): Promise<RunInfo>;
  runSync(job: ProductJob, options: { readonly threads: number }): RunInfo;
}

/** What actually ran. */
export interface RunInfo {
  readonly runtime: RuntimeName;
  /** "avx512", "avx2", "neon", "plain", "relaxed-simd", "simd128" or "float64". */
  readonly instructionSet: string;
  readonly threads: number;
  /** Why better runtimes, instruction sets or more threads were not taken, best first; empty when the best ran. */
  readonly notTaken: readonly string[];
}

/**
 * Storage that belongs to a runtime (a decoder's cache in WebAssembly's linear memory, say).
 * A tensor may name one instead of a typed array; its own runtime then reads it in place.
 */
export interface RuntimeBuffer {
  readonly owner: Runtime;
  readonly length: number;
  /** The current view. Take it anew after every call: a growing memory moves it. */
  floats(): Float32Array;
  free(): void;
}

/** A place where jobs run. `threads` is what a call may use at most; a runtime never uses more than it was opened with. */
export interface Runtime extends AsyncDisposable {
  readonly name: RuntimeName;
  /** What a job of `flops` would run on, without running it. */
  info(threads: number): RunInfo;
  /** Runs without blocking the event loop for longer than 16 ms. Rejects with `signal.reason` when aborted. */
  attend(
    job: AttentionJob,
    options: { readonly threads: number; readonly signal: AbortSignal | undefined },
  ): Promise<RunInfo>;
  /** Runs to the end before it returns; for small work. */
  attendSync(job: AttentionJob, options: { readonly threads: number }): RunInfo;
  /** Scores of pairs, as `attend` runs. Default: plain loops on this thread. */
  scorePairs?(
    job: PairJob,
    options: { readonly threads: number; readonly signal: AbortSignal | undefined },
  ): Promise<RunInfo>;
  /** The same, to the end before it returns. */
  scorePairsSync?(job: PairJob, options: { readonly threads: number }): RunInfo;
  /** Runs a recurrence without blocking the event loop for longer than 16 ms. Default: float64 loops on this thread. */
  recur?(
    job: RecurrenceJob,
    options: { readonly threads: number; readonly signal: AbortSignal | undefined },
  ): Promise<RunInfo>;
  /** The same, to the end before it returns. */
  recurSync?(job: RecurrenceJob, options: { readonly threads: number }): RunInfo;
  /** Matrix products. Default: as scores of pairs. */
  readonly products?: Products | undefined;
  /** Turns the rows of one tensor into another, on this thread and to the end before it returns. */
  rotateSync(job: RotationJob): void;
  /** Room for `length` floats that this runtime reads without a copy, zero-filled. */
  allocate(length: number): RuntimeBuffer;
  /** Bytes that `attend` would hold beyond inputs and outputs. */
  workspaceBytes(job: WorkspaceJob, threads: number): number;
}

/** How a runtime is opened. */
export interface OpenOptions {
  /** Threads that jobs may use at most. Default: the available parallelism. */
  readonly threads?: number | undefined;
  /** Take this one ("avx512", "avx2", "neon", "plain", "relaxed-simd", "simd128") or fail. Default: the best that works. */
  readonly instructionSet?: string | undefined;
  /** wasm: makes a worker that runs a file with `workerSource`, where Blob workers are not allowed (a strict content security policy). */
  readonly workerFactory?: (() => unknown) | undefined;
  /** wasm: one of the modules of @saccade/kernels, compiled beforehand, where code may not be compiled at run time. */
  readonly module?: WebAssembly.Module | undefined;
  /** Reasons that the runtime puts before its own in every `RunInfo.notTaken`. Set by `openRuntime("auto")`. */
  readonly notTaken?: readonly string[] | undefined;
}
