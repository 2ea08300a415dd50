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
 * Places in the Float64Array that a call begins with. `q` to `sinks` are each followed by three more numbers: the offset stands
 * at the named place, then the strides of the first three axes, all in elements. Axes are [B, H, N, D]; [B, G, M, D] and
 * [B, G, M, E] for k and v; [B, H, N, M] for bias and mask; [B, H, -, N] for lse and [B, -, -, H] for learned sinks.
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
  /** Visible keys after a query's position, Infinity when unlimited. */
  ahead: 11,
  /** Visible keys before a query's position, Infinity when unlimited. */
  back: 12,
  q: 13,
  k: 17,
  v: 21,
  out: 25,
  lse: 29,
  bias: 33,
  mask: 37,
  sinks: 41,
  count: 45,
} as const;

/** What a call is made of, in order. Everything is checked against everything else before any memory is touched. */
export type CallArguments = readonly [
  numbers: Float64Array,
  /** Packed as `Unit` in the kernels' job.h, 12 ints each. Copied, like all Int32Arrays here. */
  units: Int32Array,
  /** Packed as `Task` in the kernels' job.h, 8 ints each. */
  tasks: Int32Array,
  /** [B] */
  queryOffset: Int32Array,
  /** [B] */
  keyLength: Int32Array,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  out: Float32Array,
  lse: Float32Array | undefined,
  bias: Float32Array | undefined,
  mask: Uint8Array | undefined,
  learnedSinks: Float32Array | undefined,
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
  /** Lets a call end early, with `OUTCOME.cancelled`. Unknown ids do nothing. */
  cancel(id: number): void;
  /** Bytes of a thread's scratch and of a slot for one part of a split unit, for units of up to `rows` rows. */
  workspace(isa: number, rows: number, D: number, E: number, pairTerms: boolean): [scratch: number, slot: number];
  /** Threads of the pool, bytes that the addon holds (both for the whole process), calls of this environment in flight. */
  state(): { threads: number; bytes: number; calls: number };
}
