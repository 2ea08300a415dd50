#include "product-call.h"

#include <string.h>

#include "isa.h"

// In the order of `PRODUCT_PLACES` in ../src/addon.ts.
enum { NUM_PRODUCT_ISA, NUM_PRODUCT_THREADS, NUM_PRODUCT_N, NUM_PRODUCT_I, NUM_PRODUCT_O, NUM_PRODUCT_MODE, NUM_PRODUCT_TYPE, NUM_PRODUCT_COUNT };

enum { FIRST = PRODUCT_X, PRODUCT_ARRAYS = PRODUCT_ARG_COUNT - PRODUCT_X };

static const char *const names[PRODUCT_ARG_COUNT] = {"numbers", "x", "weights", "bias", "out"};

static int readSizes(const double *x, Product *p, Message *message) {
  return argumentInt32(x, NUM_PRODUCT_N, 0, MAX_LENGTH, &p->N, message) &&
         argumentInt32(x, NUM_PRODUCT_I, 0, MAX_LENGTH, &p->I, message) &&
         argumentInt32(x, NUM_PRODUCT_O, 0, MAX_LENGTH, &p->O, message) &&
         argumentInt32(x, NUM_PRODUCT_MODE, PRODUCT_MULTIPLY, PRODUCT_PACK, &p->mode, message) &&
         argumentInt32(x, NUM_PRODUCT_TYPE, STORED_F32, p->mode == PRODUCT_PACK ? STORED_BF16 : STORED_F32, &p->type, message);
}

static const Array *arrayOf(const Call *call, int argument) { return &call->arrays[argument - FIRST]; }

// Sizes are below 2^31, so their products fit.
static int holds(const Call *call, int argument, int64_t rows, int64_t width, Message *message) {
  const Array *array = arrayOf(call, argument);
  if (!array->data) return argumentFail(message, names[argument], "is missing");
  return (int64_t)array->length >= rows * width ? 1 : argumentFail(message, names[argument], "is shorter than its rows");
}

static int readArrays(Call *call, Message *message) {
  Product *p = &call->product;
  const int64_t packed = product_packed_floats(call->kernels->product, p->I, p->O);
  const Array *weights = arrayOf(call, PRODUCT_WEIGHTS), *out = arrayOf(call, PRODUCT_OUT);
  if (!argumentIs(weights, p->type == STORED_F32 ? napi_float32_array : napi_uint16_array, names[PRODUCT_WEIGHTS], message)) return 0;
  if (p->mode == PRODUCT_PACK) {
    p->weights = weights->data;
    p->packed = out->data;
    return holds(call, PRODUCT_WEIGHTS, p->O, p->I, message) && holds(call, PRODUCT_OUT, 1, packed, message);
  }
  p->x = arrayOf(call, PRODUCT_X)->data;
  p->packed = weights->data;
  p->bias = arrayOf(call, PRODUCT_BIAS)->data;
  p->out = out->data;
  return holds(call, PRODUCT_X, p->N, p->I, message) && holds(call, PRODUCT_WEIGHTS, 1, packed, message) &&
         holds(call, PRODUCT_OUT, p->N, p->O, message) && (!p->bias || holds(call, PRODUCT_BIAS, 1, p->O, message));
}

static void runItem(const PoolCall *pool, int item, float *scratch) {
  const Call *call = (const Call *)pool;
  call->kernels->product->run(&call->product, item, scratch);
}

static int readCall(napi_env env, const napi_value *arguments, Call *call, Message *message) {
  Array numbers;
  if (!argumentArray(env, arguments[PRODUCT_NUMBERS], names[PRODUCT_NUMBERS], napi_float64_array, 0, &numbers, message) ||
      !argumentIs(&numbers, napi_float64_array, names[PRODUCT_NUMBERS], message))
    return 0;
  for (int i = FIRST; i < PRODUCT_ARG_COUNT; i++) {
    const int optional = i == PRODUCT_X || i == PRODUCT_BIAS;
    Array *array = &call->arrays[i - FIRST];
    if (!argumentArray(env, arguments[i], names[i], napi_float32_array, optional, array, message) ||
        (i != PRODUCT_WEIGHTS && !argumentIs(array, napi_float32_array, names[i], message)))
      return 0;
  }
  for (int i = PRODUCT_ARRAYS; i < ARRAYS; i++) call->arrays[i] = (Array){0};
  if (numbers.length != NUM_PRODUCT_COUNT) return argumentFail(message, "numbers", "have the wrong length");
  double x[NUM_PRODUCT_COUNT];
  memcpy(x, numbers.data, sizeof x);
  int isas;
  int32_t isa, threads;
  const Isa *table = isaTable(&isas);
  call->product = (Product){0};
  if (!argumentInt32(x, NUM_PRODUCT_ISA, 0, isas - 1, &isa, message) ||
      !argumentInt32(x, NUM_PRODUCT_THREADS, 1, POOL_MAX_THREADS, &threads, message))
    return 0;
  if (table[isa].missing) return argumentFail(message, "this machine", "has no such instruction set");
  call->kernels = table[isa].kernels;
  if (!readSizes(x, &call->product, message) || !readArrays(call, message)) return 0;
  call->pool.threads = threads;
  call->pool.run = runItem;
  call->pool.unitCount = call->kernels->product->items(&call->product);
  call->pool.scratchBytes = (size_t)call->kernels->product->scratchFloats * sizeof(float);
  callRanges(call);
  const Array *out = arrayOf(call, PRODUCT_OUT);
  memoryIsWritten(out->data, out->bytes);
  return 1;
}

const CallKind productCall = {readCall, FIRST, PRODUCT_ARRAYS, PRODUCT_CALLBACK};
