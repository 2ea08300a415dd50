// What an expression is worth for one pair, one instruction after the other: ints of 32 bits that wrap, reals rounded to
// f32.
//
// A real carries how far the kernels' own may lie from it: exp, log, tanh and the score differ in their last places, fused
// operations round once or twice, the rest is exact. Where a comparison or a floor could fall either way, the value is
// blurred, and nothing is known about the pair.
#ifndef SACCADE_TEST_EXPRESSION_VALUE_H
#define SACCADE_TEST_EXPRESSION_VALUE_H

#include "expression-random.h"

typedef struct {
  int32_t i; // an int, or a boolean as 0 or -1
  double x, error;
} Number;

typedef struct {
  int64_t position;
  int head, key, batch;
  Number score;
  int blurred;
} Pair;

static Number whole(int64_t i) { return (Number){.i = (int32_t)(uint32_t)(uint64_t)i}; }

static Number real(Pair *at, double x, double error) {
  const float near = (float)x;
  if (!isfinite(x) || error == 0) return (Number){.x = near};
  if (fabs(x) + error > FLT_MAX) at->blurred = 1;
  return (Number){.x = near, .error = error * 1.000001 + fabs(x) * 0x1p-22 + 0x1p-148};
}

static Number real_of_bits(int32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return (Number){.x = x};
}

static int blurred_order(Number a, Number b) {
  return a.error + b.error > 0 && isfinite(a.x) && isfinite(b.x) && fabs(a.x - b.x) <= a.error + b.error;
}

static Number real_product(Pair *at, Number a, Number b) {
  // Infinity times what may be 0.
  if (isinf(a.x) && b.error > 0 && fabs(b.x) <= b.error) at->blurred = 1;
  if (isinf(b.x) && a.error > 0 && fabs(a.x) <= a.error) at->blurred = 1;
  const double error = a.error == 0 && b.error == 0 ? 0 : fabs(a.x) * b.error + fabs(b.x) * a.error + a.error * b.error;
  return real(at, a.x * b.x, error);
}

static Number real_quotient(Pair *at, Number a, Number b) {
  if (b.error > 0 && fabs(b.x) <= b.error) at->blurred = 1;
  const double quotient = a.x / b.x;
  if (a.error == 0 && b.error == 0) return real(at, quotient, 0);
  if (b.x == 0 && fabs(a.x) <= a.error) at->blurred = 1; // 0 / 0 or not
  return real(at, quotient, (a.error + fabs(quotient) * b.error) / (fabs(b.x) - b.error));
}

// c + sign a b, rounded once or twice.
static Number real_sum(Pair *at, Number a, Number b, Number c, int sign) {
  const double product = a.x * b.x;
  const int exact = a.error == 0 && b.error == 0 && product == (float)product;
  if (isfinite(product) && fabs(product) > FLT_MAX) at->blurred = 1;
  const double error = exact ? 0 : real_product(at, a, b).error + fabs(product) * 0x1p-23 + 0x1p-149;
  return real(at, c.x + sign * product, c.error + error);
}

static Number real_floor(Pair *at, Number a) {
  if (isfinite(a.x) && floor(a.x - a.error) != floor(a.x + a.error)) at->blurred = 1;
  return real(at, floor(a.x), 0);
}

// NaN where either is, like Math.min and Math.max.
static Number real_extreme(Pair *at, Number a, Number b, int most) {
  if (isnan(a.x) || isnan(b.x)) return (Number){.x = NAN};
  return real(at, (a.x < b.x) == most ? b.x : a.x, fmax(a.error, b.error));
}

// Of a finite real, what a function that rises makes of it and of its error, and the function's own error.
static Number real_function(Pair *at, int op, Number a) {
  const double x = a.x;
  if (op == OP_EXP) {
    if (fabs(x - 88.7228) <= 1e-3 + a.error) at->blurred = 1; // where f32 ends
    if (x > 88.7228) return real(at, INFINITY, 0);
    const double value = exp(x);
    return real(at, value, isfinite(x) ? value * (expm1(fmin(a.error, 100)) + 1e-6) + 0x1p-125 : 0);
  }
  if (op == OP_LOG) {
    if (a.error > 0 && x <= a.error) at->blurred = 1;
    return real(at, log(x), isfinite(x) && x > 0 ? a.error / (x - a.error) + fabs(log(x)) * 2e-7 + 1e-9 : 0);
  }
  return real(at, tanh(x), fmin(a.error, 2) + fabs(tanh(x)) * 1e-6 + 0x1p-140);
}

static int64_t floor_of(int32_t a, int32_t b) { return (int64_t)floor((double)a / (double)b); }

static Number instruction_value(const Expression *e, const int32_t *code, const Number *registers, Pair *at) {
  const int op = code[0], operands = operation_operands(op);
  const Number none = {0}, a = operands > 0 ? registers[code[2]] : none, b = operands > 1 ? registers[code[3]] : none;
  switch (op) {
  case OP_CONST: {
    Number constant = real_of_bits(code[2]);
    constant.i = code[2]; // of a boolean, -1
    return constant;
  }
  case OP_QUERY: return whole(at->position);
  case OP_HEAD: return whole(at->head);
  case OP_KEY: return whole(at->key);
  case OP_BATCH: return whole(at->batch);
  case OP_SCORE: return at->score;
  case OP_LOOKUP: {
    const int last = e->lengths[code[3]] - 1, index = a.i < 0 ? 0 : a.i > last ? last : a.i;
    Number found = real_of_bits(e->tables[code[3]][index]);
    found.i = e->tables[code[3]][index];
    return found;
  }
  case OP_FLOOKADD: {
    const int last = e->lengths[code[4]] - 1, index = a.i < 0 ? 0 : a.i > last ? last : a.i;
    const Number found = real_of_bits(e->tables[code[4]][index]);
    return real(at, b.x + found.x, b.error + found.error);
  }
  case OP_IADD: return whole((int64_t)a.i + b.i);
  case OP_ISUB: return whole((int64_t)a.i - b.i);
  case OP_IMUL: return whole((int64_t)a.i * b.i);
  case OP_IDIV: return whole(b.i == 0 ? 0 : floor_of(a.i, b.i));
  case OP_IMOD: return whole(b.i == 0 ? 0 : a.i - floor_of(a.i, b.i) * b.i);
  case OP_IMIN: return whole(a.i < b.i ? a.i : b.i);
  case OP_IMAX: return whole(a.i > b.i ? a.i : b.i);
  case OP_IABS: return whole(llabs(a.i));
  case OP_ISHR: return whole((int64_t)floor(ldexp(a.i, -code[4])));
  case OP_IAND: return whole(a.i & code[4]);
  case OP_FADD: return real(at, a.x + b.x, a.error + b.error);
  case OP_FSUB: return real(at, a.x - b.x, a.error + b.error);
  case OP_FMUL: return real_product(at, a, b);
  case OP_FDIV: return real_quotient(at, a, b);
  case OP_FMOD: {
    const Number times = real_product(at, b, real_floor(at, real_quotient(at, a, b)));
    return real(at, a.x - times.x, a.error + times.error);
  }
  case OP_FMADD:
  case OP_FNMADD: return real_sum(at, a, b, registers[code[4]], op == OP_FMADD ? 1 : -1);
  case OP_FMIN: return real_extreme(at, a, b, 0);
  case OP_FMAX: return real_extreme(at, a, b, 1);
  case OP_FABS: return real(at, fabs(a.x), a.error);
  case OP_EXP:
  case OP_LOG:
  case OP_TANH: return real_function(at, op, a);
  case OP_FLOOR: return real_floor(at, a);
  case OP_I2F: return (Number){.x = (float)a.i};
  case OP_ILT: return whole(a.i < b.i ? -1 : 0);
  case OP_ILE: return whole(a.i <= b.i ? -1 : 0);
  case OP_IEQ: return whole(a.i == b.i ? -1 : 0);
  case OP_FLT:
  case OP_FLE:
  case OP_FEQ:
    at->blurred |= blurred_order(a, b);
    return whole((op == OP_FLT ? a.x < b.x : op == OP_FLE ? a.x <= b.x : a.x == b.x) ? -1 : 0);
  case OP_AND: return whole(a.i && b.i ? -1 : 0);
  case OP_OR: return whole(a.i || b.i ? -1 : 0);
  case OP_NOT: return whole(a.i ? 0 : -1);
  default: return a.i ? b : registers[code[4]]; // SELECT
  }
}

static Number expression_value(const Expression *e, Pair *at) {
  Number registers[PROGRAM_REGISTERS];
  for (int i = 0; i < e->count; i++) {
    const int32_t *code = e->code + 5 * i;
    registers[code[1]] = instruction_value(e, code, registers, at);
  }
  return registers[e->result];
}

#endif
