// Whether a program may run: no instruction may read or write outside of its registers and tables.
#ifndef SACCADE_VERIFY_H
#define SACCADE_VERIFY_H

#include "job.h"
#include "operations.h"

// The section in which an instruction without operands stands.
static inline int operation_section(int op) {
  return op == OP_QUERY || op == OP_HEAD ? 1 : op == OP_KEY ? 2 : op == OP_SCORE ? 3 : 0;
}

// The rules of program.h: operands are values of the same class or a uniform one, pairs may take any; only registers of
// pairs are written again.
static inline int program_verify(const Program *program, int isScore) {
  enum { NONE = -1, UNIFORM, PAIR = 3 };
  int classes[PROGRAM_REGISTERS];
  for (int r = 0; r < PROGRAM_REGISTERS; r++) classes[r] = NONE;
  for (int section = 0, i = 0; section < 4; section++) {
    if (program->ends[section] < i || program->ends[section] > PROGRAM_INSTRUCTIONS) return 0;
    for (; i < program->ends[section]; i++) {
      const int32_t *code = program->code + 5 * i;
      const int op = code[0], to = code[1], operands = operation_operands(op);
      if (operands < 0 || to < 0 || to >= PROGRAM_REGISTERS) return 0;
      if (operands == 0 && operation_section(op) != section) return 0;
      if (op == OP_SCORE && !isScore) return 0;
      for (int o = 0; o < operands; o++) {
        const int from = code[2 + o];
        if (from < 0 || from >= PROGRAM_REGISTERS || classes[from] == NONE) return 0;
        if (section != PAIR && classes[from] != UNIFORM && classes[from] != section) return 0;
      }
      if (op == OP_LOOKUP || op == OP_FLOOKADD) {
        const int table = op == OP_LOOKUP ? code[3] : code[4];
        if (table < 0 || table >= program->tableCount || program->tables[table].length < 1) return 0;
      }
      if (op == OP_ISHR && (code[4] < 0 || code[4] > 31)) return 0;
      if (classes[to] != NONE && !(section == PAIR && classes[to] == PAIR)) return 0;
      classes[to] = section;
    }
  }
  return program->result >= 0 && program->result < PROGRAM_REGISTERS && classes[program->result] != NONE;
}

#endif
