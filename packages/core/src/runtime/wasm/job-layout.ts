/**
 * Index of every field of `Job` in job.h, in 4-byte words: on wasm32 pointers, sizes, integers and floats all have four.
 */
export const JOB = {
  q: 0,
  k: 1,
  v: 2,
  out: 3,
  lse: 4,
  bias: 5,
  mask: 6,
  learnedSinks: 7,
  queryOffset: 8,
  keyLength: 9,
  tasks: 10,
  units: 11,
  states: 12,
  slots: 13,
  joins: 14,
  scratch: 15,
  qB: 16,
  qH: 17,
  qN: 18,
  kB: 19,
  kH: 20,
  kN: 21,
  vB: 22,
  vH: 23,
  vN: 24,
  outB: 25,
  outH: 26,
  outN: 27,
  lseB: 28,
  lseH: 29,
  biasB: 30,
  biasH: 31,
  biasN: 32,
  maskB: 33,
  maskH: 34,
  maskN: 35,
  sinkB: 36,
  stateFloats: 37,
  slotFloats: 38,
  scratchFloats: 39,
  D: 40,
  E: 41,
  rowBase: 42,
  keyBase: 43,
  keyLo: 44,
  keyHi: 45,
  ahead: 46,
  back: 47,
  phase: 48,
  unitCount: 49,
  scale: 50,
  softcap: 51,
  next: 52,
} as const;

export const JOB_BYTES: number = 4 * Object.keys(JOB).length;

/** Values of `phase`: the first panel of keys of a wave packs queries, the last one finishes the rows. */
export const JOB_BEGIN = 1;
export const JOB_END = 2;

/** A reach without limit. */
export const UNLIMITED = 0x7fff_ffff;
