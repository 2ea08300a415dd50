// Mask and score expressions as instructions that run over a chunk of pairs at a time.
//
// A value belongs to a class: uniform, of a row, of a key, or of a pair. Code stands in four sections in this order. One axis of a
// chunk lies along the lanes (rows in panels, keys where there are few rows), the other one outside:
//
//   uniform         [LANES]                all the same
//   along the lanes [vectors][LANES]
//   outside         [outer][LANES]         each number repeated, so that no instruction has to broadcast
//   pair            [outer][vectors][LANES]
//
// A register of any class is then a place with two strides, and one loop serves every instruction. Integers have 32 bits and
// wrap around; booleans are 0 and -1.
#ifndef SACCADE_PROGRAM_H
#define SACCADE_PROGRAM_H

#include "elementary.h"
#include "lanes.h"
#include "operations.h"
#include "scores.h"
#include "tile.h"

// A chunk has at most CHUNK outer rows of a panel, or a few rows against their keys.
enum { CHUNK = 32, FEW_PAIRS = 12 * 64, PANEL_PAIRS = CHUNK * PANEL_VECTORS * LANES };
enum { REGISTER_FLOATS = FEW_PAIRS > PANEL_PAIRS ? FEW_PAIRS : PANEL_PAIRS };
enum { PROGRAM_FLOATS = PROGRAM_REGISTERS * REGISTER_FLOATS };

typedef struct {
  char *at;
  int outer, vector; // bytes from one to the next, 0 where all are the same
} Register;

// The pairs that a program looks at: rows [row, ...) of the unit and keys [key, ...) of the tile.
typedef struct {
  const Rows *rows;
  const Tile *tile;
  int row, key;
  int rowsInLanes;
  int outer, vectors;
  const float *scores; // products, [outer][stride]
  int stride;
  int productsAreScores; // they are read where they stand
  Register registers[PROGRAM_REGISTERS];
} Chunk;

INLINE lanes_i32 lanes_load(const char *at) {
  lanes_i32 x;
  __builtin_memcpy(&x, at, sizeof x);
  return x;
}
INLINE lanes_f32 as_f32(lanes_i32 x) { return (lanes_f32)x; }
INLINE lanes_i32 as_i32(lanes_f32 x) { return (lanes_i32)x; }
INLINE vf vf_of(lanes_i32 x) {
  vf to;
  __builtin_memcpy(&to, &x, sizeof to);
  return to;
}
INLINE lanes_i32 of_vf(vf x) {
  lanes_i32 to;
  __builtin_memcpy(&to, &x, sizeof to);
  return to;
}
INLINE vi vi_of(lanes_i32 x) {
  vi to;
  __builtin_memcpy(&to, &x, sizeof to);
  return to;
}
INLINE lanes_i32 of_vi(vi x) {
  lanes_i32 to;
  __builtin_memcpy(&to, &x, sizeof to);
  return to;
}
INLINE lanes_i32 lanes_min(lanes_i32 a, lanes_i32 b) { return of_vi(vi_min(vi_of(a), vi_of(b))); }
INLINE lanes_i32 lanes_max(lanes_i32 a, lanes_i32 b) { return of_vi(vi_max(vi_of(a), vi_of(b))); }
INLINE lanes_i32 lanes_select(lanes_i32 mask, lanes_i32 a, lanes_i32 b) { return (a & mask) | (b & ~mask); }

INLINE int lanes_equal(lanes_i32 a, lanes_i32 b) { return vm_all(vi_less(vi_of((lanes_i32)(a == b)), vi_set(0))); }

// Division that rounds down. Nothing traps: x / 0 and x % 0 are 0, and dividing by -1 wraps around.
INLINE int32_t floor_quotient(int32_t a, int32_t b) {
  if (b == 0) return 0;
  if (b == -1) return (int32_t)(0u - (uint32_t)a);
  const int32_t quotient = a / b;
  return quotient - (a % b != 0 && (a < 0) != (b < 0));
}
INLINE int32_t floor_remainder(int32_t a, int32_t b) {
  if (b == 0 || b == -1) return 0;
  const int32_t remainder = a % b;
  return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder;
}

// vf_exp is made for x <= 0; above, the square of exp(x / 2) overflows where it should.
INLINE vf exp_any(vf x) {
  const vf half = vf_mul(x, vf_set(0.5f));
  const vf root = vf_exp(vf_min(half, vf_set(60.0f)));
  const vf high = vf_select(vf_less(half, vf_set(60.0f)), vf_mul(root, root), vf_mul(half, vf_set(__builtin_inff())));
  return vf_select(vf_less(vf_set(0.0f), x), high, vf_exp(x));
}
// log_of_sum is made for normal numbers: of a smaller one, that of 2^24 times as much is taken.
INLINE lanes_f32 log_any(lanes_f32 x) {
  for (int i = 0; i < LANES; i++) {
    const int small = x[i] < 0x1p-126f;
    const double natural = log_of_sum(small ? x[i] * 0x1p24f : x[i]);
    x[i] = x[i] < 0 ? __builtin_nanf("") : (float)(small ? natural - 24 * 0.6931471805599453 : natural);
  }
  return x;
}
// From 2^23 on every float is whole; below, adding 2^23 and taking it away again rounds to the nearest.
INLINE lanes_f32 floor_any(lanes_f32 x) {
  const lanes_f32 whole = (lanes_f32){0} + 8388608.0f;
  const lanes_i32 sign = as_i32(x) & INT32_MIN;
  const lanes_f32 size = as_f32(as_i32(x) & INT32_MAX);
  lanes_f32 nearest = as_f32(as_i32((size + whole) - whole) | sign);
  nearest += as_f32(as_i32((lanes_f32){0} - 1.0f) & (lanes_i32)(nearest > x));
  return as_f32(lanes_select((lanes_i32)(size < whole), as_i32(nearest), as_i32(x)));
}

INLINE lanes_i32 apply(const int op, lanes_i32 a, lanes_i32 b) {
  const lanes_u32 ua = (lanes_u32)a, ub = (lanes_u32)b;
  switch (op) {
  case OP_IADD: return (lanes_i32)(ua + ub);
  case OP_ISUB: return (lanes_i32)(ua - ub);
  case OP_IMUL: return (lanes_i32)(ua * ub);
  case OP_IDIV:
    for (int i = 0; i < LANES; i++) a[i] = floor_quotient(a[i], b[i]);
    return a;
  case OP_IMOD:
    for (int i = 0; i < LANES; i++) a[i] = floor_remainder(a[i], b[i]);
    return a;
  case OP_IMIN: return lanes_min(a, b);
  case OP_IMAX: return lanes_max(a, b);
  case OP_IABS: return lanes_select((lanes_i32)(a < 0), (lanes_i32)(0 - ua), a);
  case OP_FADD: return as_i32(as_f32(a) + as_f32(b));
  case OP_FSUB: return as_i32(as_f32(a) - as_f32(b));
  case OP_FMUL: return as_i32(as_f32(a) * as_f32(b));
  case OP_FDIV: return as_i32(as_f32(a) / as_f32(b));
  case OP_FMOD: return as_i32(as_f32(a) - as_f32(b) * floor_any(as_f32(a) / as_f32(b)));
  case OP_FMIN: return lanes_select((lanes_i32)((as_f32(a) < as_f32(b)) | (as_f32(a) != as_f32(a))), a, b);
  case OP_FMAX: return lanes_select((lanes_i32)((as_f32(a) < as_f32(b)) | (as_f32(b) != as_f32(b))), b, a);
  case OP_FABS: return a & INT32_MAX;
  case OP_EXP: return of_vf(exp_any(vf_of(a)));
  case OP_LOG: return as_i32(log_any(as_f32(a)));
  case OP_TANH: return of_vf(vf_tanh(vf_of(a)));
  case OP_FLOOR: return as_i32(floor_any(as_f32(a)));
  case OP_I2F: return as_i32(__builtin_convertvector(a, lanes_f32));
  case OP_ISUBF: return as_i32(__builtin_convertvector((lanes_i32)(ua - ub), lanes_f32));
  case OP_ILT: return (lanes_i32)(a < b);
  case OP_ILE: return (lanes_i32)(a <= b);
  case OP_IEQ: return (lanes_i32)(a == b);
  case OP_FLT: return (lanes_i32)(as_f32(a) < as_f32(b));
  case OP_FLE: return (lanes_i32)(as_f32(a) <= as_f32(b));
  case OP_FEQ: return (lanes_i32)(as_f32(a) == as_f32(b));
  case OP_AND: return a & b;
  case OP_OR: return a | b;
  default: return ~a; // OP_NOT
  }
}

INLINE void each_of(const int op, Register to, Register a, Register b, int outer, const int vectors) {
  for (int j = 0; j < outer; j++, to.at += to.outer, a.at += a.outer, b.at += b.outer)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      const lanes_i32 result = apply(op, lanes_load(a.at + v * a.vector), lanes_load(b.at + v * b.vector));
      __builtin_memcpy(to.at + v * to.vector, &result, sizeof result);
    }
}

// Whole panels have code of their own: the loop over three vectors would cost as much as what it does.
INLINE void each(const int op, Register to, const Register *a, const Register *b, int outer, int vectors) {
  if (vectors == PANEL_VECTORS) each_of(op, to, *a, *b, outer, PANEL_VECTORS);
  else each_of(op, to, *a, *b, outer, vectors);
}

INLINE lanes_i32 apply_three(const int op, lanes_i32 a, lanes_i32 b, lanes_i32 c) {
  if (op == OP_SELECT) return lanes_select(a, b, c);
  if (op == OP_ICLAMP) return lanes_min(lanes_max(a, b), c);
  const vf x = vf_of(a), y = vf_of(b), z = vf_of(c);
  return of_vf(op == OP_FMADD ? vf_fma(x, y, z) : vf_fnma(x, y, z));
}
INLINE void each_three_of(const int op, Register to, Register a, Register b, Register c, int outer, const int vectors) {
  for (int j = 0; j < outer; j++, to.at += to.outer, a.at += a.outer, b.at += b.outer, c.at += c.outer)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      const lanes_i32 result = apply_three(op, lanes_load(a.at + v * a.vector), lanes_load(b.at + v * b.vector),
                                           lanes_load(c.at + v * c.vector));
      __builtin_memcpy(to.at + v * to.vector, &result, sizeof result);
    }
}
INLINE void each_three(const int op, Register to, const Register *registers, const int32_t *code, int outer, int vectors) {
  const Register *a = registers + code[2], *b = registers + code[3], *c = registers + code[4];
  if (vectors == PANEL_VECTORS) each_three_of(op, to, *a, *b, *c, outer, PANEL_VECTORS);
  else each_three_of(op, to, *a, *b, *c, outer, vectors);
}

static void each_immediate(int op, Register to, Register a, int with, int outer, int vectors) {
  for (int j = 0; j < outer; j++)
    for (int v = 0; v < vectors; v++) {
      const lanes_i32 x = lanes_load(a.at + j * a.outer + v * a.vector), result = op == OP_ISHR ? x >> with : x & with;
      __builtin_memcpy(to.at + j * to.outer + v * to.vector, &result, sizeof result);
    }
}

INLINE int32_t table_at(const Table *table, int32_t index) {
  const int32_t last = table->length - 1;
  return ((const int32_t *)table->data)[index < 0 ? 0 : index > last ? last : index];
}

// Indices that follow each other, as those of a distance q - k do along the rows, are one load, and equal ones (a
// distance that is cut off) one number: number by number, a table costs as much as the products of a narrow head.
INLINE lanes_i32 table_lanes(const Table *table, const char *at) {
  int32_t first, last;
  __builtin_memcpy(&first, at, sizeof first);
  __builtin_memcpy(&last, at + (LANES - 1) * sizeof last, sizeof last);
  const lanes_i32 index = lanes_load(at);
  lanes_i32 steps;
  for (int i = 0; i < LANES; i++) steps[i] = i;
  if (last - (int64_t)first == LANES - 1 && first >= 0 && last < table->length && lanes_equal(index, first + steps))
    return lanes_load((const char *)((const int32_t *)table->data + first));
  if (first == last && lanes_equal(index, (lanes_i32){0} + first)) return (lanes_i32){0} + table_at(table, first);
  lanes_i32 result = {0};
  for (int i = 0; i < LANES; i++) result[i] = table_at(table, index[i]);
  return result;
}

// `repeated`: all lanes of a vector hold the same index.
static void each_lookup(Register to, Register a, const Table *table, int repeated, int outer, int vectors) {
  for (int j = 0; j < outer; j++)
    for (int v = 0; v < vectors; v++) {
      const char *index = a.at + j * a.outer + v * a.vector;
      const lanes_i32 result = repeated ? (lanes_i32){0} + table_at(table, lanes_load(index)[0]) : table_lanes(table, index);
      __builtin_memcpy(to.at + j * to.outer + v * to.vector, &result, sizeof result);
    }
}

INLINE void each_lookup_add_of(Register to, Register a, Register b, const Table *table, int outer, const int vectors) {
  for (int j = 0; j < outer; j++, to.at += to.outer, a.at += a.outer, b.at += b.outer)
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      const lanes_f32 found = as_f32(table_lanes(table, a.at + v * a.vector));
      const lanes_i32 result = as_i32(as_f32(lanes_load(b.at + v * b.vector)) + found);
      __builtin_memcpy(to.at + v * to.vector, &result, sizeof result);
    }
}

static void each_lookup_add(Register to, const Register *a, const Register *b, const Table *table, int outer, int vectors) {
  if (vectors == PANEL_VECTORS) each_lookup_add_of(to, *a, *b, table, outer, PANEL_VECTORS);
  else each_lookup_add_of(to, *a, *b, table, outer, vectors);
}

static void each_score(Register to, const Chunk *chunk) {
  for (int j = 0; j < chunk->outer; j++)
    for (int v = 0; v < chunk->vectors; v++)
      vf_store((float *)(to.at + j * to.outer + v * to.vector),
               score_of(chunk->rows->job, vf_load(chunk->scores + j * chunk->stride + v * LANES)));
}

// A number of every row or every key of the chunk.
INLINE int32_t axis_number(const Chunk *chunk, const int op, int i) {
  if (op == OP_KEY) return i < chunk->tile->count - chunk->key ? tile_key(chunk->tile, chunk->key + i) : 0;
  const int r = chunk->row + i;
  return op == OP_HEAD ? rows_head(chunk->rows, r) : (int32_t)rows_position(chunk->rows, r);
}
static void each_axis(Register to, const Chunk *chunk, int op, int outer, int vectors) {
  const Tile *tile = chunk->tile;
  if (to.outer && op == OP_KEY && !tile->index) {
    lanes_i32 key = (lanes_i32){0} + tile_key(tile, chunk->key);
    for (int j = 0; j < outer; j++, key += tile->stride) __builtin_memcpy(to.at + j * to.outer, &key, sizeof key);
    return;
  }
  for (int j = 0; j < outer; j++)
    for (int v = 0; v < vectors; v++) {
      lanes_i32 result = {0};
      if (to.outer) result = (lanes_i32){0} + axis_number(chunk, op, j);
      else
        for (int i = 0; i < LANES; i++) result[i] = axis_number(chunk, op, v * LANES + i);
      __builtin_memcpy(to.at + j * to.outer + v * to.vector, &result, sizeof result);
    }
}

INLINE void instruction_run(Chunk *chunk, const Program *program, const int32_t *code, Register to, int outer, int vectors) {
  const int op = code[0];
  // Operands that an instruction lacks may name anything, a register that was never written too.
  const int operands = operation_operands(op);
  const Register *registers = chunk->registers, *a = operands > 0 ? registers + code[2] : &to;
  const Register *b = operands > 1 ? registers + code[3] : a;
  switch (op) {
  case OP_CONST: {
    const lanes_i32 x = (lanes_i32){0} + code[2];
    __builtin_memcpy(to.at, &x, sizeof x);
    return;
  }
  case OP_BATCH: {
    const lanes_i32 x = (lanes_i32){0} + chunk->rows->unit->batch;
    __builtin_memcpy(to.at, &x, sizeof x);
    return;
  }
  case OP_QUERY:
  case OP_HEAD:
  case OP_KEY: each_axis(to, chunk, op, outer, vectors); return;
  case OP_SCORE: each_score(to, chunk); return;
  case OP_FMADD: each_three(OP_FMADD, to, registers, code, outer, vectors); return;
  case OP_FNMADD: each_three(OP_FNMADD, to, registers, code, outer, vectors); return;
  case OP_ICLAMP: each_three(OP_ICLAMP, to, registers, code, outer, vectors); return;
  case OP_LOOKUP:
    each_lookup(to, *a, program->tables + code[3], to.vector == 0, outer, vectors);
    return;
  case OP_FLOOKADD: each_lookup_add(to, a, b, program->tables + code[4], outer, vectors); return;
  case OP_ISHR:
  case OP_IAND: each_immediate(op, to, *a, code[4], outer, vectors); return;
  case OP_SELECT: each_three(OP_SELECT, to, registers, code, outer, vectors); return;
#define EACH(OP) case OP: each(OP, to, a, b, outer, vectors); return;
    EACH(OP_IADD) EACH(OP_ISUB) EACH(OP_IMUL) EACH(OP_IDIV) EACH(OP_IMOD) EACH(OP_IMIN) EACH(OP_IMAX) EACH(OP_IABS)
    EACH(OP_FADD) EACH(OP_FSUB) EACH(OP_FMUL) EACH(OP_FDIV) EACH(OP_FMOD) EACH(OP_FMIN) EACH(OP_FMAX) EACH(OP_FABS)
    EACH(OP_EXP) EACH(OP_LOG) EACH(OP_TANH) EACH(OP_FLOOR) EACH(OP_I2F) EACH(OP_ISUBF) EACH(OP_ILT) EACH(OP_ILE) EACH(OP_IEQ)
    EACH(OP_FLT) EACH(OP_FLE) EACH(OP_FEQ) EACH(OP_AND) EACH(OP_OR) EACH(OP_NOT)
#undef EACH
  }
}

// Runs a section over the chunk and returns where its values stand.
static __attribute__((noinline)) void section_run(Chunk *chunk, const Program *program, float *registers, int section) {
  enum { UNIFORM, ROW, KEY, PAIR };
  const int lanes = section == PAIR || (section == ROW && chunk->rowsInLanes) || (section == KEY && !chunk->rowsInLanes);
  const int outside = section == PAIR || (section != UNIFORM && !lanes);
  const int vectors = lanes ? chunk->vectors : 1, outer = outside ? chunk->outer : 1;
  const int size = (int)sizeof(lanes_i32);
  for (int i = section == 0 ? 0 : program->ends[section - 1]; i < program->ends[section]; i++) {
    const int32_t *code = program->code + 5 * i;
    Register to = {(char *)(registers + code[1] * REGISTER_FLOATS), outside ? vectors * size : 0, lanes ? size : 0};
    if (code[0] == OP_SCORE && chunk->productsAreScores)
      to = (Register){(char *)chunk->scores, chunk->stride * (int)sizeof(float), size};
    else instruction_run(chunk, program, code, to, outer, vectors);
    chunk->registers[code[1]] = to;
  }
}

// What does not change from one chunk of a tile to the next.
static void chunk_open(Chunk *chunk, const Program *program, float *registers) {
  const Job *job = chunk->rows->job;
  chunk->productsAreScores = !(job->softcap > 0) && rows_score_factor(job) == 1.0f;
  section_run(chunk, program, registers, 0);
  if (chunk->rowsInLanes) section_run(chunk, program, registers, 1);
}

// The program's result for the pairs of the chunk.
static Register chunk_run(Chunk *chunk, const Program *program, float *registers) {
  if (!chunk->rowsInLanes) section_run(chunk, program, registers, 1);
  section_run(chunk, program, registers, 2);
  section_run(chunk, program, registers, 3);
  return chunk->registers[program->result];
}

INLINE vf register_at(Register from, int j, int v) { return vf_load((const float *)(from.at + j * from.outer + v * from.vector)); }

// Hides the pairs of a chunk that the mask program does not show: terms[j][v] becomes -Infinity.
static void mask_chunk(Chunk *chunk, const Program *program, float *registers, float *terms, int fresh) {
  const Register shown = chunk_run(chunk, program, registers);
  const lanes_i32 hidden = as_i32((lanes_f32){0} - __builtin_inff());
  for (int j = 0; j < chunk->outer; j++)
    for (int v = 0; v < chunk->vectors; v++) {
      char *cell = (char *)(terms + j * chunk->stride + v * LANES);
      const lanes_i32 mask = lanes_load(shown.at + j * shown.outer + v * shown.vector);
      const lanes_i32 result = lanes_select(mask, fresh ? (lanes_i32){0} : lanes_load(cell), hidden);
      __builtin_memcpy(cell, &result, sizeof result);
    }
}

// Replaces the products of a chunk by the score program's result. One of -Infinity hides the pair like a bias would.
static void score_chunk(Chunk *chunk, const Program *program, float *registers, float *scores, float *terms) {
  const Register score = chunk_run(chunk, program, registers);
  const vf hidden = vf_set(-__builtin_inff());
  for (int j = 0; j < chunk->outer; j++)
    for (int v = 0; v < chunk->vectors; v++) {
      const int cell = j * chunk->stride + v * LANES;
      const vf s = register_at(score, j, v);
      vf_store(scores + cell, s);
      vf_store(terms + cell, vf_select(vf_equal(s, hidden), hidden, vf_set(0.0f)));
    }
}

#endif
