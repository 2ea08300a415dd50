// Instructions of a program: five integers op, to, a, b, c each. The numbers are those of core's operations.ts.
#ifndef SACCADE_OPERATIONS_H
#define SACCADE_OPERATIONS_H

enum { PROGRAM_REGISTERS = 24, PROGRAM_INSTRUCTIONS = 1024 };

enum {
  OP_CONST = 0, OP_QUERY, OP_HEAD, OP_KEY, OP_BATCH, OP_SCORE, OP_LOOKUP,
  OP_IADD = 10, OP_ISUB, OP_IMUL, OP_IDIV, OP_IMOD, OP_IMIN, OP_IMAX, OP_IABS, OP_ISHR, OP_IAND,
  OP_FADD = 20, OP_FSUB, OP_FMUL, OP_FDIV, OP_FMOD, OP_FMIN, OP_FMAX, OP_FABS, OP_EXP, OP_LOG, OP_TANH, OP_FLOOR, OP_I2F,
  OP_FMADD = 33, OP_FNMADD, // a b + c, c - a b
  OP_ISUBF = 35,             // a - b of integers as f32
  OP_ICLAMP = 36,            // min(max(a, b), c)
  OP_FLOOKADD = 37,          // b + what a finds in the table of reals with number c
  OP_ILT = 40, OP_ILE, OP_IEQ, OP_FLT, OP_FLE, OP_FEQ,
  OP_AND = 50, OP_OR, OP_NOT, OP_SELECT
};

// Registers that an instruction reads; -1 for an unknown one.
static inline int operation_operands(int op) {
  static const signed char operands[] = {
      [OP_LOOKUP] = 1, [OP_IADD] = 2, [OP_ISUB] = 2, [OP_IMUL] = 2, [OP_IDIV] = 2, [OP_IMOD] = 2, [OP_IMIN] = 2, [OP_IMAX] = 2,
      [OP_IABS] = 1, [OP_ISHR] = 1, [OP_IAND] = 1, [OP_FADD] = 2, [OP_FSUB] = 2, [OP_FMUL] = 2, [OP_FDIV] = 2, [OP_FMOD] = 2,
      [OP_FMIN] = 2, [OP_FMAX] = 2, [OP_FABS] = 1, [OP_EXP] = 1, [OP_LOG] = 1, [OP_TANH] = 1, [OP_FLOOR] = 1, [OP_I2F] = 1,
      [OP_FMADD] = 3, [OP_FNMADD] = 3, [OP_ISUBF] = 2, [OP_ICLAMP] = 3,
      [OP_FLOOKADD] = 2, [OP_ILT] = 2, [OP_ILE] = 2, [OP_IEQ] = 2, [OP_FLT] = 2,
      [OP_FLE] = 2, [OP_FEQ] = 2, [OP_AND] = 2, [OP_OR] = 2, [OP_NOT] = 1, [OP_SELECT] = 3};
  if (op < 0 || op > OP_SELECT) return -1;
  return operands[op] || op <= OP_SCORE ? operands[op] : -1;
}

#endif
