#include "rotate-call.h"

#include <string.h>

#include "arguments.h"
#include "isa.h"

// In the order of `ROTATE_NUMBERS` in ../src/addon.ts. An offset is followed by three strides.
enum {
  NUM_ISA,
  NUM_B,
  NUM_H,
  NUM_N,
  NUM_D,
  NUM_R,
  NUM_ROWS,
  NUM_INTERLEAVED,
  NUM_OFFSET,
  NUM_POSITION_B,
  NUM_FROM,
  NUM_TO = NUM_FROM + 4,
  NUM_COUNT = NUM_TO + 4
};

static const char *const names[ROTATE_ARG_COUNT] = {"numbers", "from", "to", "cosines", "sines", "positions"};
static const napi_typedarray_type types[ROTATE_ARG_COUNT] = {napi_float64_array, napi_float32_array, napi_float32_array,
                                                             napi_float32_array, napi_float32_array, napi_int32_array};
static int readSizes(const double *numbers, Rotation *r, Message *message) {
  if (!argumentInt32(numbers, NUM_B, 0, MAX_LENGTH, &r->B, message) ||
      !argumentInt32(numbers, NUM_H, 0, MAX_LENGTH, &r->H, message) ||
      !argumentInt32(numbers, NUM_N, 0, MAX_LENGTH, &r->N, message) ||
      !argumentInt32(numbers, NUM_D, 1, MAX_WIDTH, &r->D, message) ||
      !argumentInt32(numbers, NUM_R, 0, r->D, &r->R, message) ||
      !argumentInt32(numbers, NUM_ROWS, 0, MAX_LENGTH, &r->rows, message) ||
      !argumentInt32(numbers, NUM_INTERLEAVED, 0, 1, &r->interleaved, message) ||
      !argumentInt32(numbers, NUM_OFFSET, -MAX_LENGTH, MAX_LENGTH, &r->offset, message))
    return 0;
  return r->R % 2 == 0 ? 1 : argumentFail(message, "R", "is odd");
}

static int readTables(const double *numbers, const Array *arrays, Rotation *r, Message *message) {
  const uint64_t floats = (uint64_t)r->rows * (uint64_t)(r->R / 2);
  for (int i = ROTATE_COSINES; i <= ROTATE_SINES; i++)
    if (arrays[i].length < floats) return argumentFail(message, names[i], "is shorter than its rows");
  r->cosines = arrays[ROTATE_COSINES].data;
  r->sines = arrays[ROTATE_SINES].data;
  r->positions = arrays[ROTATE_POSITIONS].data;
  int64_t stride;
  if (!argumentInteger(numbers, NUM_POSITION_B, 0, MAX_LENGTH, &stride, message)) return 0;
  r->positionB = (ptrdiff_t)stride;
  if (!r->positions || r->B == 0) return 1;
  const uint64_t needed = (uint64_t)(r->B - 1) * (uint64_t)stride + (uint64_t)r->N;
  return arrays[ROTATE_POSITIONS].length >= needed ? 1 : argumentFail(message, "positions", "is too short");
}

// The kernel looks at each position as it reads it: no other thread can change it in between.
int rotateRun(napi_env env, const napi_value *arguments, Message *message) {
  Array arrays[ROTATE_ARG_COUNT];
  for (int i = 0; i < ROTATE_ARG_COUNT; i++)
    if (!argumentArray(env, arguments[i], names[i], types[i], i == ROTATE_POSITIONS, &arrays[i], message) ||
        !argumentIs(&arrays[i], types[i], names[i], message))
      return 0;
  if (arrays[ROTATE_NUMBERS].length != NUM_COUNT) return argumentFail(message, "numbers", "have the wrong length");
  double numbers[NUM_COUNT];
  memcpy(numbers, arrays[ROTATE_NUMBERS].data, sizeof numbers);
  Rotation r = {0};
  int isas;
  int32_t isa;
  const Isa *table = isaTable(&isas);
  if (!argumentInt32(numbers, NUM_ISA, 0, isas - 1, &isa, message) || !readSizes(numbers, &r, message)) return 0;
  if (table[isa].missing) return argumentFail(message, "this machine", "has no such instruction set");
  const int64_t size[4] = {r.B, r.H, r.N, r.D};
  ptrdiff_t from, to;
  ptrdiff_t *const fromStrides[3] = {&r.fromB, &r.fromH, &r.fromN}, *const toStrides[3] = {&r.toB, &r.toH, &r.toN};
  if (!argumentView(numbers, NUM_FROM, &arrays[ROTATE_FROM], "from", size, fromStrides, &from, message) ||
      !argumentView(numbers, NUM_TO, &arrays[ROTATE_TO], "to", size, toStrides, &to, message) ||
      !readTables(numbers, arrays, &r, message))
    return 0;
  r.from = (const float *)arrays[ROTATE_FROM].data + from;
  r.to = (float *)arrays[ROTATE_TO].data + to;
  return table[isa].kernels->rotate(&r) ? 1 : argumentFail(message, "a position", "is not in the tables");
}
