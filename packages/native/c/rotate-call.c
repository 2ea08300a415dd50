#include "rotate-call.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

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

typedef struct {
  void *data;
  size_t length;
} Array;

static const char *const names[ROTATE_ARG_COUNT] = {"numbers", "from", "to", "cosines", "sines", "positions"};
static const napi_typedarray_type types[ROTATE_ARG_COUNT] = {napi_float64_array, napi_float32_array, napi_float32_array,
                                                             napi_float32_array, napi_float32_array, napi_int32_array};
static const char *const kinds[ROTATE_ARG_COUNT] = {"a Float64Array", "a Float32Array", "a Float32Array",
                                                    "a Float32Array", "a Float32Array", "an Int32Array"};

static int fail(Message *message, const char *name, const char *what) {
  snprintf(message->text, sizeof message->text, "%s %s", name, what);
  return 0;
}

static int readArray(napi_env env, int argument, napi_value value, Array *array, Message *message) {
  napi_valuetype kind;
  *array = (Array){0, 0};
  if (argument == ROTATE_POSITIONS && napi_typeof(env, value, &kind) == napi_ok && kind == napi_undefined) return 1;
  napi_typedarray_type type;
  napi_value buffer;
  size_t offset;
  if (napi_get_typedarray_info(env, value, &type, &array->length, &array->data, &buffer, &offset) != napi_ok ||
      type != types[argument]) {
    snprintf(message->text, sizeof message->text, "%s is not %s", names[argument], kinds[argument]);
    return 0;
  }
  bool detached = false;
  if (napi_is_detached_arraybuffer(env, buffer, &detached) == napi_ok && detached)
    return fail(message, names[argument], "is detached");
  // An empty array has no address; "given" must not depend on it.
  static _Alignas(64) char nothing[64];
  if (!array->data) array->data = nothing;
  return 1;
}

static int readInteger(const double *numbers, int index, int64_t low, int64_t high, int64_t *value, Message *message) {
  const double x = numbers[index];
  if (x >= (double)low && x <= (double)high && x == (double)(int64_t)x) {
    *value = (int64_t)x;
    return 1;
  }
  snprintf(message->text, sizeof message->text, "numbers[%d] is %g, expected an integer in %lld..%lld", index, x,
           (long long)low, (long long)high);
  return 0;
}

static int readInt32(const double *numbers, int index, int64_t low, int64_t high, int32_t *value, Message *message) {
  int64_t wide;
  if (!readInteger(numbers, index, low, high, &wide, message)) return 0;
  *value = (int32_t)wide;
  return 1;
}

static int readSizes(const double *numbers, Rotation *r, Message *message) {
  if (!readInt32(numbers, NUM_B, 0, MAX_LENGTH, &r->B, message) ||
      !readInt32(numbers, NUM_H, 0, MAX_LENGTH, &r->H, message) ||
      !readInt32(numbers, NUM_N, 0, MAX_LENGTH, &r->N, message) ||
      !readInt32(numbers, NUM_D, 1, MAX_WIDTH, &r->D, message) ||
      !readInt32(numbers, NUM_R, 0, r->D, &r->R, message) ||
      !readInt32(numbers, NUM_ROWS, 0, MAX_LENGTH, &r->rows, message) ||
      !readInt32(numbers, NUM_INTERLEAVED, 0, 1, &r->interleaved, message) ||
      !readInt32(numbers, NUM_OFFSET, -MAX_LENGTH, MAX_LENGTH, &r->offset, message))
    return 0;
  return r->R % 2 == 0 ? 1 : fail(message, "R", "is odd");
}

static int readView(const double *numbers, int index, const Rotation *r, const char *name, const Array *array,
                    ptrdiff_t *const strides[3], ptrdiff_t *start, Message *message) {
  const int64_t size[4] = {r->B, r->H, r->N, r->D}, exact = (int64_t)1 << 53;
  Extent extent = {name, (int64_t)array->length, 0};
  ptrdiff_t stride[3];
  if (!readInteger(numbers, index, 0, exact, &extent.offset, message)) return 0;
  for (int i = 0; i < 3; i++) {
    int64_t value;
    if (!readInteger(numbers, index + 1 + i, -exact, exact, &value, message)) return 0;
    // The stride of an axis with one element does not count and may be anything.
    stride[i] = size[i] > 1 ? (ptrdiff_t)value : 0;
  }
  if (!checkExtent(&extent, size, stride, message)) return 0;
  const int empty = r->B == 0 || r->H == 0 || r->N == 0;
  *start = empty ? 0 : (ptrdiff_t)extent.offset;
  for (int i = 0; i < 3; i++) *strides[i] = empty ? 0 : stride[i];
  return 1;
}

static int readTables(const double *numbers, const Array *arrays, Rotation *r, Message *message) {
  const uint64_t floats = (uint64_t)r->rows * (uint64_t)(r->R / 2);
  for (int i = ROTATE_COSINES; i <= ROTATE_SINES; i++)
    if (arrays[i].length < floats) return fail(message, names[i], "is shorter than its rows");
  r->cosines = arrays[ROTATE_COSINES].data;
  r->sines = arrays[ROTATE_SINES].data;
  r->positions = arrays[ROTATE_POSITIONS].data;
  int64_t stride;
  if (!readInteger(numbers, NUM_POSITION_B, 0, MAX_LENGTH, &stride, message)) return 0;
  r->positionB = (ptrdiff_t)stride;
  if (!r->positions || r->B == 0) return 1;
  const uint64_t needed = (uint64_t)(r->B - 1) * (uint64_t)stride + (uint64_t)r->N;
  return arrays[ROTATE_POSITIONS].length >= needed ? 1 : fail(message, "positions", "is too short");
}

// The kernel looks at each position as it reads it: no other thread can change it in between.
int rotateRun(napi_env env, const napi_value *arguments, Message *message) {
  Array arrays[ROTATE_ARG_COUNT];
  for (int i = 0; i < ROTATE_ARG_COUNT; i++)
    if (!readArray(env, i, arguments[i], &arrays[i], message)) return 0;
  if (arrays[ROTATE_NUMBERS].length != NUM_COUNT) return fail(message, "numbers", "have the wrong length");
  double numbers[NUM_COUNT];
  memcpy(numbers, arrays[ROTATE_NUMBERS].data, sizeof numbers);
  Rotation r = {0};
  int isas;
  int32_t isa;
  const Isa *table = isaTable(&isas);
  if (!readInt32(numbers, NUM_ISA, 0, isas - 1, &isa, message) || !readSizes(numbers, &r, message)) return 0;
  if (table[isa].missing) return fail(message, "this machine", "has no such instruction set");
  ptrdiff_t from, to;
  ptrdiff_t *const fromStrides[3] = {&r.fromB, &r.fromH, &r.fromN}, *const toStrides[3] = {&r.toB, &r.toH, &r.toN};
  if (!readView(numbers, NUM_FROM, &r, "from", &arrays[ROTATE_FROM], fromStrides, &from, message) ||
      !readView(numbers, NUM_TO, &r, "to", &arrays[ROTATE_TO], toStrides, &to, message) ||
      !readTables(numbers, arrays, &r, message))
    return 0;
  r.from = (const float *)arrays[ROTATE_FROM].data + from;
  r.to = (float *)arrays[ROTATE_TO].data + to;
  return table[isa].kernels->rotate(&r) ? 1 : fail(message, "a position", "is not in the tables");
}
