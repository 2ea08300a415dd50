/**
 * Operations of expressions, by the numbers that the kernels know: `operations.h` mirrors them.
 *
 * The letter before a name is the type of the operands: I for 32-bit integers that wrap, F for reals. Booleans are 0 and -1 in
 * bytecode, 0 and 1 elsewhere. There is no "greater" and no "not equal": a > b is b < a, and a != b is NOT of EQ.
 */
export const OP = {
  /** a: the 32 bits of an integer, an f32 or a boolean */
  CONST: 0,
  QUERY: 1,
  HEAD: 2,
  KEY: 3,
  BATCH: 4,
  SCORE: 5,
  /** a: the register of the index, which is clamped to the array; b: the number of the table */
  LOOKUP: 6,
  IADD: 10,
  ISUB: 11,
  IMUL: 12,
  /** Rounded down; 0 for a divisor of 0. */
  IDIV: 13,
  /** With the sign of the divisor; 0 for a divisor of 0. */
  IMOD: 14,
  IMIN: 15,
  IMAX: 16,
  IABS: 17,
  /** a >> c, arithmetic; c is a number, not a register. Stands for IDIV by a power of two. */
  ISHR: 18,
  /** a & c; c is a number, not a register. Stands for IMOD by a power of two. */
  IAND: 19,
  FADD: 20,
  FSUB: 21,
  FMUL: 22,
  FDIV: 23,
  /** a - floor(a / b) b */
  FMOD: 24,
  FMIN: 25,
  FMAX: 26,
  FABS: 27,
  EXP: 28,
  LOG: 29,
  TANH: 30,
  FLOOR: 31,
  /** The real with an integer's value. */
  I2F: 32,
  /** a b + c */
  FMADD: 33,
  /** c - a b */
  FNMADD: 34,
  /** a - b of integers, as a real */
  ISUBF: 35,
  /** min(max(a, b), c) of integers */
  ICLAMP: 36,
  /** a: the register of an index, as LOOKUP's; b: what is added; c: the number of a table of reals */
  FLOOKADD: 37,
  ILT: 40,
  ILE: 41,
  IEQ: 42,
  FLT: 43,
  FLE: 44,
  FEQ: 45,
  AND: 50,
  OR: 51,
  NOT: 52,
  /** a ? b : c */
  SELECT: 53,
} as const;

export type Operation = (typeof OP)[keyof typeof OP];
