// Random mask and score programs that program_verify accepts: typed, with the sections in order, every operation, and
// the registers of pairs written again and again.
#ifndef SACCADE_TEST_EXPRESSION_RANDOM_H
#define SACCADE_TEST_EXPRESSION_RANDOM_H

#include "../../c/verify.h"
#include "random.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TABLES = 4, MAX_TABLE = 70 };

typedef enum { NOTHING, INT, REAL, TRUTH } Type;

typedef struct {
  int given, isScore, count; // instructions
  int32_t *code, ends[4], result;
  int tableCount;
  int32_t lengths[MAX_TABLES], tables[MAX_TABLES][MAX_TABLE];
  Type tableTypes[MAX_TABLES];
} Expression;

static Expression expression_copy(const Expression *e) {
  Expression copy = *e;
  copy.code = malloc(5 * PROGRAM_INSTRUCTIONS * sizeof(int32_t));
  memcpy(copy.code, e->code, 5 * e->count * sizeof(int32_t));
  return copy;
}

static Program expression_program(const Expression *e, Table tables[MAX_TABLES]) {
  for (int t = 0; t < e->tableCount; t++) tables[t] = (Table){e->tables[t], e->lengths[t]};
  Program program = {.code = e->code, .tables = tables, .result = e->result, .tableCount = e->tableCount};
  memcpy(program.ends, e->ends, sizeof program.ends);
  return program;
}

static int expression_verify(const Expression *e) {
  Table tables[MAX_TABLES];
  const Program program = expression_program(e, tables);
  return program_verify(&program, e->isScore);
}

static void expression_print(const Expression *e) {
  if (!e->given) return;
  printf("  %s program, sections end at %d %d %d %d, result in register %d\n", e->isScore ? "score" : "mask", e->ends[0],
         e->ends[1], e->ends[2], e->ends[3], e->result);
  for (int i = 0; i < e->count; i++) {
    const int32_t *code = e->code + 5 * i;
    printf("    %2d -> %d: %d %d %d\n", code[0], code[1], code[2], code[3], code[4]);
  }
}

static int32_t bits_of(float x) {
  int32_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

// What an operation makes of what; a lookup makes what its table holds.
static const struct {
  int op;
  Type makes, takes[3];
} OPERATIONS[] = {
    {OP_IADD, INT, {INT, INT}},     {OP_ISUB, INT, {INT, INT}},     {OP_IMUL, INT, {INT, INT}},
    {OP_IDIV, INT, {INT, INT}},     {OP_IMOD, INT, {INT, INT}},     {OP_IMIN, INT, {INT, INT}},
    {OP_IMAX, INT, {INT, INT}},     {OP_IABS, INT, {INT}},          {OP_ISHR, INT, {INT}},
    {OP_IAND, INT, {INT}},          {OP_FADD, REAL, {REAL, REAL}},  {OP_FSUB, REAL, {REAL, REAL}},
    {OP_FMUL, REAL, {REAL, REAL}},  {OP_FDIV, REAL, {REAL, REAL}},  {OP_FMOD, REAL, {REAL, REAL}},
    {OP_FMADD, REAL, {REAL, REAL, REAL}}, {OP_FNMADD, REAL, {REAL, REAL, REAL}},
    {OP_FMIN, REAL, {REAL, REAL}},  {OP_FMAX, REAL, {REAL, REAL}},  {OP_FABS, REAL, {REAL}},
    {OP_EXP, REAL, {REAL}},         {OP_LOG, REAL, {REAL}},         {OP_TANH, REAL, {REAL}},
    {OP_FLOOR, REAL, {REAL}},       {OP_I2F, REAL, {INT}},          {OP_I2F, REAL, {INT}},
    {OP_ILT, TRUTH, {INT, INT}},    {OP_ILE, TRUTH, {INT, INT}},    {OP_IEQ, TRUTH, {INT, INT}},
    {OP_IEQ, TRUTH, {TRUTH, TRUTH}}, {OP_FLT, TRUTH, {REAL, REAL}}, {OP_FLE, TRUTH, {REAL, REAL}},
    {OP_FEQ, TRUTH, {REAL, REAL}},  {OP_AND, TRUTH, {TRUTH, TRUTH}}, {OP_OR, TRUTH, {TRUTH, TRUTH}},
    {OP_NOT, TRUTH, {TRUTH}},       {OP_LOOKUP, NOTHING, {INT}},    {OP_LOOKUP, NOTHING, {INT}},
    {OP_LOOKUP, NOTHING, {INT}},    {OP_LOOKUP, NOTHING, {INT}},    {OP_FLOOKADD, REAL, {INT, REAL}},
    {OP_FLOOKADD, REAL, {INT, REAL}},
    {OP_SELECT, INT, {TRUTH, INT, INT}}, {OP_SELECT, REAL, {TRUTH, REAL, REAL}}, {OP_SELECT, TRUTH, {TRUTH, TRUTH, TRUTH}},
};

enum { OPERATION_COUNT = sizeof OPERATIONS / sizeof *OPERATIONS };

static int32_t int_random(Random *random) {
  static const int32_t special[] = {INT32_MIN, INT32_MAX, -1, 0, 1, INT32_MIN + 1, 65536, -65536};
  if (random_once(random, 4)) return special[random_int(random, 0, 7)];
  return random_once(random, 12) ? (int32_t)random_bits(random) : random_int(random, -4, 40);
}

static float real_random(Random *random) {
  static const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, FLT_MAX, -FLT_MAX, FLT_MIN, 1e-41f, 1e-45f,
                                  8388608.0f, -8388607.5f, 89.0f, -88.0f, 0.99999994f, 2.0f};
  if (random_once(random, 6)) return special[random_int(random, 0, 15)];
  return random_once(random, 3) ? 4 * random_float(random) : (float)random_int(random, -64, 64) / 8;
}

// An expression as it is written: the class and the type of every register.
typedef struct {
  Random *random;
  Expression *to;
  int section, classes[PROGRAM_REGISTERS]; // -1: never written
  Type types[PROGRAM_REGISTERS];
  int latest[TRUTH + 1]; // register of each type that was written last
} Writer;

enum { UNIFORM, ROW, KEY, PAIR };

static int writer_reads(const Writer *w, int r, Type type) {
  if (w->classes[r] < 0 || w->types[r] != type) return 0;
  return w->section == PAIR || w->classes[r] == UNIFORM || w->classes[r] == w->section;
}

// A register of a type that the section may read; -1 where there is none.
static int writer_read(Writer *w, Type type) {
  int found[PROGRAM_REGISTERS], count = 0;
  for (int r = 0; r < PROGRAM_REGISTERS; r++)
    if (writer_reads(w, r, type)) found[count++] = r;
  return count ? found[random_int(w->random, 0, count - 1)] : -1;
}

// A register to write, none of the set `keep`; -1 where none is left.
static int writer_register(Writer *w, uint32_t keep) {
  int fresh[PROGRAM_REGISTERS], again[PROGRAM_REGISTERS], freshCount = 0, againCount = 0;
  for (int r = 0; r < PROGRAM_REGISTERS; r++) {
    if (w->classes[r] < 0) fresh[freshCount++] = r;
    else if (w->section == PAIR && w->classes[r] == PAIR && !(keep >> r & 1)) again[againCount++] = r;
  }
  if (againCount && (!freshCount || random_once(w->random, 2))) return again[random_int(w->random, 0, againCount - 1)];
  return freshCount ? fresh[random_int(w->random, 0, freshCount - 1)] : -1;
}

static int writer_emit(Writer *w, int op, Type makes, int a, int b, int c, uint32_t keep) {
  const int to = writer_register(w, keep);
  if (to < 0) return -1;
  const int32_t code[5] = {op, to, a, b, c};
  memcpy(w->to->code + 5 * w->to->count++, code, sizeof code);
  w->classes[to] = w->section;
  w->types[to] = makes;
  w->latest[makes] = to;
  return to;
}

// The register of a type that was written last, most of the time: what was worked out should have an effect.
static int writer_result(Writer *w, Type type) {
  const int latest = w->latest[type];
  return latest >= 0 && writer_reads(w, latest, type) && !random_once(w->random, 4) ? latest : writer_read(w, type);
}

// What an instruction does not read may be anything.
static int writer_leaf(Writer *w, int op, Type makes) {
  const int a = (int)random_bits(w->random), b = (int)random_bits(w->random), c = (int)random_bits(w->random);
  return writer_emit(w, op, makes, a, b, c, 0);
}

static int writer_constant(Writer *w, Type type) {
  Random *random = w->random;
  const int32_t value = type == INT    ? int_random(random)
                        : type == REAL ? bits_of(real_random(random))
                                       : -random_int(random, 0, 1);
  return writer_emit(w, OP_CONST, type, value, 0, 0, 0);
}

// One instruction on what there is; nothing where a kind of operand is missing.
static void writer_operation(Writer *w) {
  Random *random = w->random;
  const int pick = random_int(random, 0, OPERATION_COUNT - 1), op = OPERATIONS[pick].op;
  Type makes = OPERATIONS[pick].makes;
  int32_t operands[3];
  for (int i = 0; i < 3; i++) {
    operands[i] = (int32_t)random_bits(random);
    if (OPERATIONS[pick].takes[i] == NOTHING) continue;
    // What was just worked out should lead somewhere.
    operands[i] = (random_once(random, 2) ? writer_result : writer_read)(w, OPERATIONS[pick].takes[i]);
    if (operands[i] < 0) return;
  }
  if (op == OP_LOOKUP) {
    if (!w->to->tableCount) return;
    operands[1] = random_int(random, 0, w->to->tableCount - 1);
    makes = w->to->tableTypes[operands[1]];
  }
  if (op == OP_FLOOKADD) {
    if (!w->to->tableCount) return;
    operands[2] = random_int(random, 0, w->to->tableCount - 1);
    if (w->to->tableTypes[operands[2]] != REAL) return;
  }
  if (op == OP_ISHR) operands[2] = random_int(random, 0, 31);
  if (op == OP_IAND) operands[2] = random_once(random, 2) ? (1 << random_int(random, 0, 30)) - 1 : operands[2];
  writer_emit(w, op, makes, operands[0], operands[1], operands[2], 0);
}

static void writer_section(Writer *w, int section, int operations) {
  w->section = section;
  Random *random = w->random;
  if (section == UNIFORM) {
    writer_constant(w, INT), writer_constant(w, REAL);
    if (random_once(random, 3)) writer_constant(w, TRUTH);
    if (random_once(random, 3)) writer_leaf(w, OP_BATCH, INT);
  }
  if (section == ROW && !random_once(random, 6)) writer_leaf(w, OP_QUERY, INT);
  if (section == ROW && random_once(random, 3)) writer_leaf(w, OP_HEAD, INT);
  if (section == KEY && !random_once(random, 6)) writer_leaf(w, OP_KEY, INT);
  for (int i = 0; i < operations; i++) {
    if (section == UNIFORM && random_once(random, 2)) writer_constant(w, (Type)random_int(random, INT, TRUTH));
    else if (section == PAIR && w->to->isScore && random_once(random, 12)) writer_leaf(w, OP_SCORE, REAL);
    else writer_operation(w);
  }
  w->to->ends[section] = w->to->count;
}

// Most scores end as a moderate number: one NaN makes a whole row NaN, and there would be nothing to compare.
static int writer_score(Writer *w, int limit, int hidden) {
  Random *random = w->random;
  int value = writer_result(w, REAL);
  if (random_once(random, 2)) value = writer_emit(w, OP_I2F, REAL, writer_result(w, INT), 0, 0, 0);
  if (random_once(random, 6)) value = writer_emit(w, random_once(random, 2) ? OP_EXP : OP_LOG, REAL, value, 0, 0, 0);
  if (!random_once(random, 4)) {
    const uint32_t keep = 1u << value;
    const int score = writer_emit(w, OP_SCORE, REAL, 0, 0, 0, keep);
    const int size = writer_emit(w, OP_FABS, REAL, value, 0, 0, keep | 1u << score);
    const int moderate = writer_emit(w, OP_FLT, TRUTH, size, limit, 0, keep | 1u << score);
    value = writer_emit(w, OP_SELECT, REAL, moderate, value, score, 0);
  }
  const int shown = random_once(random, 2) ? writer_result(w, TRUTH) : -1;
  return shown < 0 ? value : writer_emit(w, OP_SELECT, REAL, shown, value, hidden, 0);
}

static int writer_mask(Writer *w) {
  const int any = writer_result(w, TRUTH), number = writer_result(w, INT);
  if (any >= 0) return random_once(w->random, 2) ? any : writer_emit(w, OP_NOT, TRUTH, any, 0, 0, 0);
  return writer_emit(w, OP_ILE, TRUTH, number, writer_read(w, INT), 0, 0);
}

static void expression_tables(Random *random, Expression *e) {
  e->tableCount = random_int(random, 0, MAX_TABLES);
  for (int t = 0; t < e->tableCount; t++) {
    e->lengths[t] = random_int(random, 1, MAX_TABLE);
    e->tableTypes[t] = random_once(random, 2) ? REAL : INT;
    for (int i = 0; i < e->lengths[t]; i++)
      e->tables[t][i] = e->tableTypes[t] == INT ? int_random(random) : bits_of(real_random(random));
  }
}

// With up to `most` instructions on pairs, and some more.
static Expression expression_random(Random *random, int isScore, int most) {
  Expression e = {.given = 1, .isScore = isScore, .code = malloc(5 * PROGRAM_INSTRUCTIONS * sizeof(int32_t))};
  expression_tables(random, &e);
  Writer w = {.random = random, .to = &e};
  for (int r = 0; r < PROGRAM_REGISTERS; r++) w.classes[r] = -1;
  for (int type = 0; type <= TRUTH; type++) w.latest[type] = -1;
  static const float limits[] = {20, 20, 300, 1e37f};
  const int limit = isScore ? writer_emit(&w, OP_CONST, REAL, bits_of(limits[random_int(random, 0, 3)]), 0, 0, 0) : -1;
  const int hidden = isScore ? writer_emit(&w, OP_CONST, REAL, bits_of(-INFINITY), 0, 0, 0) : -1;
  // Four registers at least are left to pairs.
  writer_section(&w, UNIFORM, random_int(random, 0, 3));
  writer_section(&w, ROW, random_int(random, 0, 4));
  writer_section(&w, KEY, random_int(random, 0, 4));
  writer_section(&w, PAIR, random_int(random, 0, most));
  e.result = isScore ? writer_score(&w, limit, hidden) : writer_mask(&w);
  e.ends[PAIR] = e.count;
  return e;
}

static int register_random(Random *random) {
  return random_once(random, 10) ? (int32_t)random_bits(random) : random_int(random, -1, PROGRAM_REGISTERS);
}

// Some fields of a program changed, most of them to numbers that could stand there.
static void expression_spoil(Random *random, Expression *e) {
  for (int i = random_int(random, 1, 6); i > 0; i--) {
    int32_t *code = e->code + 5 * random_int(random, 0, e->count - 1);
    const int field = random_int(random, 0, 4);
    if (random_once(random, 12)) e->ends[random_int(random, 0, 3)] = random_int(random, -1, e->count);
    else if (random_once(random, 12)) e->result = register_random(random);
    else code[field] = field == 0 ? random_int(random, OP_CONST - 1, OP_SELECT + 1) : register_random(random);
  }
}

// Nothing but random numbers, not too large.
static void expression_scramble(Random *random, Expression *e) {
  e->count = random_int(random, 1, 6);
  for (int i = 0; i < 5 * e->count; i++)
    e->code[i] = i % 5 ? random_int(random, 0, 3) : OPERATIONS[random_int(random, 0, OPERATION_COUNT - 1)].op;
  for (int i = 0; i < e->count; i++)
    if (random_once(random, 2)) e->code[5 * i] = random_int(random, OP_CONST, OP_LOOKUP);
  for (int i = 0, end = 0; i < 4; i++) e->ends[i] = end = random_int(random, end, e->count);
  e->result = random_int(random, 0, 3);
}

#endif
