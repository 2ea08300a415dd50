// Instructions of a program: five integers op, to, a, b, c each. The numbers are those of core's operations.ts.
#ifndef SACCADE_OPERATIONS_H
#define SACCADE_OPERATIONS_H

enum { PROGRAM_REGISTERS = 24, PROGRAM_INSTRUCTIONS = 1024 };

enum {
  OP_CONST = 0, OP_QUERY, OP_HEAD, OP_KEY, OP_BATCH, OP_SCORE, OP_LOOKUP,
  OP_IADD = 10, OP_ISUB, OP_IMUL, OP_IDIV, OP_IMOD, OP_IMIN, OP_IMAX, OP_IABS, OP_ISHR, OP_IAND,
  OP_FADD = 20, OP_FSUB, OP_FMUL, OP_FDIV, OP_FMOD, OP_FMIN, OP_FMAX, OP_FABS, OP_EXP, OP_LOG, OP_TANH, OP_FLOOR, OP_I2F,
  OP_ILT = 40, OP_ILE, OP_IEQ, OP_FLT, OP_FLE, OP_FEQ,
  OP_AND = 50, OP_OR, OP_NOT, OP_SELECT
};

// Registers that an instruction reads; -1 for an unknown one.
static inline int operation_operands(int op) {
  if (op >= OP_CONST && op <= OP_SCORE) return 0;
  if (op == OP_LOOKUP || op == OP_ISHR || op == OP_IAND || op == OP_IABS || op == OP_FABS) return 1;
  if ((op >= OP_EXP && op <= OP_I2F) || op == OP_NOT) return 1;
  if ((op >= OP_IADD && op <= OP_IMAX) || (op >= OP_FADD && op <= OP_FMAX)) return 2;
  if ((op >= OP_ILT && op <= OP_FEQ) || op == OP_AND || op == OP_OR) return 2;
  return op == OP_SELECT ? 3 : -1;
}

#endif
