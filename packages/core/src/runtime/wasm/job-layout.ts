/**
 * Index of every field of `Job` in job.h, in 4-byte words: on wasm32 pointers, sizes, integers and floats all have four.
 */
export const JOB = {
  q: 0,
  q1: 1,
  q2: 2,
  q3: 3,
  k: 4,
  v: 5,
  kScale: 6,
  vScale: 7,
  out: 8,
  lse: 9,
  bias: 10,
  mask: 11,
  learnedSinks: 12,
  queryOffset: 13,
  keyLength: 14,
  tasks: 15,
  units: 16,
  indices: 17,
  reaches: 18,
  maskProgram: 19,
  scoreProgram: 20,
  states: 21,
  slots: 22,
  joins: 23,
  scratch: 24,
  qB: 25,
  qH: 26,
  qN: 27,
  kB: 28,
  kH: 29,
  kN: 30,
  vB: 31,
  vH: 32,
  vN: 33,
  outB: 34,
  outH: 35,
  outN: 36,
  lseB: 37,
  lseH: 38,
  biasB: 39,
  biasH: 40,
  biasN: 41,
  maskB: 42,
  maskH: 43,
  maskN: 44,
  sinkB: 45,
  kScaleB: 46,
  kScaleH: 47,
  vScaleB: 48,
  vScaleH: 49,
  stateFloats: 50,
  slotFloats: 51,
  scratchFloats: 52,
  D: 53,
  E: 54,
  operands: 55,
  keyType: 56,
  valueType: 57,
  rowBase: 58,
  keyBase: 59,
  keyLo: 60,
  keyHi: 61,
  phase: 62,
  gathered: 63,
  scoring: 64,
  unitCount: 65,
  scale: 66,
  softcap: 67,
  next: 68,
} as const;

export const JOB_BYTES: number = 4 * Object.keys(JOB).length;

/** Values of `phase`: the first panel of keys of a wave packs queries, the last one finishes the rows. */
export const JOB_BEGIN = 1;
export const JOB_END = 2;

/** Index of every field of `Program` in job.h, in 4-byte words; `ends` has four. */
export const PROGRAM = { code: 0, tables: 1, ends: 2, result: 6, tableCount: 7 } as const;
export const PROGRAM_WORDS = 8;
/** A table is its address and its length. */
export const TABLE_WORDS = 2;
