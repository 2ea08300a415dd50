/** An instruction set that this build or machine might have. */
export interface InstructionSet {
  /** "avx512", "avx2", "neon" or "plain". */
  readonly name: string;
  /** Why it cannot run here; absent when it can. */
  readonly missing?: string;
}

/** How a call ended, as `attendSync` returns it and `attend` passes it to its callback. */
export const OUTCOME = {
  done: 0,
  cancelled: 1,
  /** An array was transferred, detached or shrunk while the call ran; what it wrote is worthless. */
  vanished: 2,
  noMemory: 3,
} as const;

/**
 * Places in the Float64Array that a call begins with. `q` to `sinks`, `keyScale` and `valueScale` are each followed by three more
 * numbers: the offset stands at the named place, then the strides of the first three axes, all in elements. Axes are [B, H, N, D];
 * [B, G, keyRows, D] and [B, G, keyRows, E] for k and v; [B, H, N, E] for out, or [B, H or G, N, M] for scores; [B, H, N, M] for bias and mask; [B, H, -, N] for lse, [B, -, -, H] for learned
 * sinks and [B, G, -, keyRows] for scales. `turned` is followed by the offsets of two more operands.
 */
export const NUMBERS = {
  /** Index into `instructionSets()`. */
  isa: 0,
  /** Threads at most, 1..256; the caller's own takes part in a synchronous call. */
  threads: 1,
  B: 2,
  H: 3,
  G: 4,
  N: 5,
  M: 6,
  D: 7,
  E: 8,
  scale: 9,
  /** 0 for none. */
  softcap: 10,
  /** Rows of k and v: M, or fewer where a cache keeps some of the keys. */
  keyRows: 11,
  /** `STORED_*` in the kernels' job.h: 0 f32, 1 f16, 2 bf16, 3 int8. */
  keyType: 12,
  valueType: 13,
  /** Whether tasks name rows among those of their unit. */
  gathered: 14,
  /** `SCORES_*` in the kernels' job.h: 0 attends; otherwise scores of pairs are written to `out`, and units name positions. */
  scoring: 15,
  q: 16,
  k: 20,
  v: 24,
  out: 28,
  lse: 32,
  bias: 36,
  mask: 40,
  sinks: 44,
  turned: 48,
  keyScale: 51,
  valueScale: 55,
  count: 59,
} as const;

/** Keys or values as they are stored: f32, f16 and bf16 by their bits, int8. */
export type StoredArray = Float32Array | Uint16Array | Int8Array;

/** What a call is made of, in order. Everything is checked against everything else before any memory is touched. */
export type CallArguments = readonly [
  numbers: Float64Array,
  /** Packed as `Unit` in the kernels' job.h, 12 ints each. Copied, like all Int32Arrays here. */
  units: Int32Array,
  /** Packed as `Task` in the kernels' job.h, 12 ints each. */
  tasks: Int32Array,
  /** [B] */
  queryOffset: Int32Array,
  /** [B] */
  keyLength: Int32Array,
  /** Row and key indices that tasks name. */
  indices: Int32Array,
  /** Packed as `Reach` in the kernels' job.h, 5 ints each. */
  reaches: Int32Array,
  /** Mask and score programs, packed as c/programs.h says; empty without any. */
  programs: Int32Array,
  q: Float32Array,
  k: StoredArray,
  v: StoredArray,
  out: Float32Array,
  lse: Float32Array | undefined,
  bias: Float32Array | undefined,
  mask: Uint8Array | undefined,
  learnedSinks: Float32Array | undefined,
  /** Queries of operands 1 to 3, with the strides of q. */
  turned1: Float32Array | undefined,
  turned2: Float32Array | undefined,
  turned3: Float32Array | undefined,
  /** Factors of int8 rows. */
  keyScale: Float32Array | undefined,
  valueScale: Float32Array | undefined,
];

/** Places in the Float64Array that a rotation begins with. `from` and `to` are each an offset and the strides of [B, H, N]. */
export const ROTATE_NUMBERS = {
  /** Index into `instructionSets()`. */
  isa: 0,
  B: 1,
  H: 2,
  N: 3,
  D: 4,
  /** Numbers of a row that turn, even. */
  R: 5,
  /** Positions that the tables hold. */
  rows: 6,
  /** 1 where pair i is (x[2i], x[2i + 1]), 0 where it is (x[i], x[i + R / 2]). */
  interleaved: 7,
  /** Position of token 0 where no positions are given. */
  offset: 8,
  /** Elements of `positions` from one batch element to the next; 0 where all share them. */
  positionB: 9,
  from: 10,
  to: 14,
  count: 18,
} as const;

/** What a rotation is made of, in order. `from` and `to` may be one array with equal views: it then turns in place. */
export type RotateArguments = readonly [
  numbers: Float64Array,
  from: Float32Array,
  to: Float32Array,
  /** [rows, R / 2] */
  cosines: Float32Array,
  /** [rows, R / 2] */
  sines: Float32Array,
  /** [N], or [B, N] with `positionB`; undefined: token n stands at offset + n. */
  positions: Int32Array | undefined,
];

/** Places in the Float64Array that a recurrence begins with. `q` to `b` are each an offset and the strides of the first three axes. */
export const RECUR_NUMBERS = {
  /** Index into `instructionSets()`. */
  isa: 0,
  /** Threads at most, 1..256; the caller's own takes part in a synchronous call. */
  threads: 1,
  B: 2,
  H: 3,
  G: 4,
  V: 5,
  N: 6,
  D: 7,
  E: 8,
  scale: 9,
  /** Columns of a state that are one item of work. */
  panel: 10,
  /** `DECAY_*` in the kernels' recurrence.h: 0 none, 1 per head, 2 per token, 3 per channel. */
  decayKind: 11,
  /** `RULE_*`: 0 additive, 1 delta, 2 general. */
  rule: 12,
  /** `RECUR_*`: 0 writes and reads, 1 writes, 2 reads. */
  mode: 13,
  q: 14,
  k: 18,
  v: 22,
  out: 26,
  decay: 30,
  beta: 34,
  a: 38,
  b: 42,
  count: 46,
} as const;

/** What a recurrence is made of, in order. Shapes are those of recurrence.h in the kernels. */
export type RecurArguments = readonly [
  numbers: Float64Array,
  /** [B]; undefined: N tokens each. */
  lengths: Int32Array | undefined,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  out: Float32Array,
  /** [B, V, D, E], read and written. */
  state: Float32Array,
  decay: Float32Array | undefined,
  beta: Float32Array | undefined,
  a: Float32Array | undefined,
  b: Float32Array | undefined,
  /** [B, V, D]: the normaliser before, */
  sums: Float32Array | undefined,
  /** and where it is written, another array. */
  sumsAfter: Float32Array | undefined,
];

/** Places in the Float64Array that a matrix product begins with. */
export const PRODUCT_PLACES = {
  /** Index into `instructionSets()`. */
  isa: 0,
  /** Threads at most, 1..256; the caller's own takes part in a synchronous call. */
  threads: 1,
  /** Rows of x. */
  N: 2,
  /** Inputs: numbers of a row. */
  I: 3,
  /** Outputs: rows of the weights. */
  O: 4,
  /** 0 multiplies, 1 packs weights. */
  mode: 5,
  /** Of weights to be packed: 0 f32, 1 f16, 2 bf16. */
  type: 6,
  count: 7,
} as const;

/** What a product, or a packing, is made of, in order. */
export type ProductArguments = readonly [
  numbers: Float64Array,
  /** [N, I]; undefined where weights are packed. */
  x: Float32Array | undefined,
  /** Packed, as product.h in the kernels says; where they are to be packed [O, I], f16 and bf16 by their bits. */
  weights: Float32Array | Uint16Array,
  /** [O] */
  bias: Float32Array | undefined,
  /** [N, O], or the packed weights. */
  out: Float32Array,
];

/** The compiled addon. Arrays are read and written in place; results have the same bits at any number of threads. */
export interface NativeAddon {
  /** All that this processor family knows, best first. */
  instructionSets(): InstructionSet[];
  /** Runs on this thread and the pool's until the result is there. @throws RangeError when anything does not fit. */
  attendSync(...call: CallArguments): number;
  /**
   * Runs on the pool's threads and returns an id for `cancel`; `callback` is called later on this thread, once.
   *
   * Arrays that are only read may be transferred away meanwhile: the call then ends with `OUTCOME.vanished`. `out` and `lse` must
   * stay: pass arrays that nobody else can transfer yet, or shared ones.
   *
   * @throws RangeError when anything does not fit.
   */
  attend(...call: [...CallArguments, callback: (outcome: number) => void]): number;
  /** Runs a recurrence as `attendSync` runs attention. @throws RangeError when anything does not fit. */
  recurSync(...recurrence: RecurArguments): number;
  /** Runs a recurrence as `attend` runs attention; `out`, `state` and `sumsAfter` must stay. */
  recur(...recurrence: [...RecurArguments, callback: (outcome: number) => void]): number;
  /** Runs a matrix product, or packs its weights, as `attendSync` runs attention. @throws RangeError when anything does not fit. */
  productSync(...product: ProductArguments): number;
  /** The same as `attend` runs attention; `out` must stay. */
  product(...product: [...ProductArguments, callback: (outcome: number) => void]): number;
  /** How an instruction set has its weights packed: numbers of a vector, and outputs of a group. */
  productLayout(isa: number): [lanes: number, group: number];
  /**
   * Rotary position embedding on this thread, to the end before it returns.
   *
   * @throws RangeError when anything does not fit; where a position is not in the tables, rows before it are written.
   */
  rotate(...rotation: RotateArguments): void;
  /** Lets a call end early, with `OUTCOME.cancelled`. Unknown ids do nothing. */
  cancel(id: number): void;
  /** Bytes of a thread's scratch and of a slot for one part of a split unit, for units of up to `rows` rows. */
  workspace(
    isa: number,
    rows: number,
    D: number,
    E: number,
    operands: number,
    /** Sum of `SCRATCH_*` in the kernels' kernels.h. */
    needs: number,
  ): [scratch: number, slot: number];
  /** Threads of the pool, bytes that the addon holds (both for the whole process), calls of this environment in flight. */
  state(): { threads: number; bytes: number; calls: number };
}
