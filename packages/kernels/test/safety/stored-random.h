// Random keys or values as they are stored, and what each number is worth by the definition of its type.
#ifndef SACCADE_TEST_STORED_RANDOM_H
#define SACCADE_TEST_STORED_RANDOM_H

#include "../../c/job.h"
#include "random.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int type, width, bytes; // of a number
  unsigned char *stored;  // [rows][width]
  float *factors;         // [rows], of int8
  float *numbers;         // [rows][width]
} StoredRows;

// sign, `exponent` bits, `fraction` bits.
static float half_worth(uint16_t bits, int fraction) {
  const int exponents = 15 - fraction, most = (1 << exponents) - 1, bias = most / 2;
  const int exponent = bits >> fraction & most, rest = bits & ((1 << fraction) - 1);
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == most) return rest ? NAN : (float)(sign * INFINITY);
  if (exponent == 0) return (float)(sign * ldexp(rest, 1 - bias - fraction));
  return (float)(sign * ldexp((1 << fraction) + rest, exponent - bias - fraction));
}

static int half_fraction(int type) { return type == STORED_F16 ? 10 : 7; }

static void stored_put(StoredRows *at, size_t i, uint16_t bits) {
  memcpy(at->stored + 2 * i, &bits, 2);
  at->numbers[i] = half_worth(bits, half_fraction(at->type));
}

// Below 1, most of them not far below; some are subnormal.
static uint16_t half_random(Random *random, int fraction) {
  const int below = (1 << (15 - fraction)) / 2 - 2; // the exponent of [1/2, 1)
  const int lowest = random_once(random, 8) ? 0 : below - 3, highest = random_once(random, 20) ? 0 : below;
  const unsigned exponent = (unsigned)random_int(random, lowest < highest ? lowest : highest, highest);
  const uint64_t rest = random_bits(random) & (0x8000u | ((1u << fraction) - 1)); // with the sign
  return (uint16_t)(exponent << fraction | rest);
}

static void stored_row_worth(StoredRows *at, size_t row) {
  for (int i = 0; i < at->width; i++) {
    const size_t cell = row * at->width + i;
    at->numbers[cell] = (float)((int8_t)at->stored[cell] * (double)at->factors[row]);
  }
}

static StoredRows stored_random(Random *random, int type, size_t rows, int width) {
  StoredRows at = {.type = type, .width = width, .bytes = type == STORED_F32 ? 4 : type == STORED_I8 ? 1 : 2};
  const size_t count = rows * width;
  at.stored = malloc(count * at.bytes + 1);
  at.numbers = malloc(count * sizeof(float) + 1);
  at.factors = malloc(rows * sizeof(float) + 1);
  for (size_t row = 0; row < rows; row++) at.factors[row] = random_once(random, 20) ? 0 : random_float(random) / 128;
  for (size_t i = 0; i < count; i++) {
    if (type == STORED_F32) at.numbers[i] = random_float(random);
    else if (type == STORED_I8) at.stored[i] = (unsigned char)random_bits(random);
    else stored_put(&at, i, half_random(random, half_fraction(type)));
  }
  if (type == STORED_F32 && count) memcpy(at.stored, at.numbers, count * sizeof(float));
  if (type == STORED_I8)
    for (size_t row = 0; row < rows; row++) stored_row_worth(&at, row);
  return at;
}

// NaN or Infinity in a column of a row; in int8 all of the row, by its factor.
static void stored_poison(Random *random, StoredRows *at, size_t row, int column, float bad) {
  const size_t cell = row * at->width + column;
  if (at->type == STORED_I8) {
    at->factors[row] = bad;
    stored_row_worth(at, row);
    return;
  }
  if (at->type == STORED_F32) {
    at->numbers[cell] = bad;
    memcpy(at->stored + 4 * cell, &bad, 4);
    return;
  }
  const int fraction = half_fraction(at->type);
  const unsigned exponent = 0x7fffu >> fraction << fraction;
  const unsigned rest = (unsigned)random_int(random, 1, (1 << fraction) - 1);
  stored_put(at, cell, (uint16_t)(isnan(bad) ? (random_bits(random) & 0x8000) | exponent | rest : exponent));
}

static void stored_free(StoredRows *at) { free(at->stored), free(at->numbers), free(at->factors); }

#endif
