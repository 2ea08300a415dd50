#include "arguments.h"

#include <stdbool.h>
#include <stdio.h>

size_t argumentElementBytes(napi_typedarray_type type) {
  switch (type) {
  case napi_float64_array: return 8;
  case napi_uint8_array:
  case napi_int8_array: return 1;
  case napi_uint16_array: return 2;
  default: return 4;
  }
}

static const char *typeName(napi_typedarray_type type) {
  switch (type) {
  case napi_float64_array: return "a Float64Array";
  case napi_int32_array: return "an Int32Array";
  case napi_uint8_array: return "a Uint8Array";
  default: return "a Float32Array";
  }
}

static int failKind(const char *name, napi_typedarray_type type, Message *message) {
  snprintf(message->text, sizeof message->text, "%s is not %s", name, typeName(type));
  return 0;
}

int argumentFail(Message *message, const char *name, const char *what) {
  snprintf(message->text, sizeof message->text, "%s %s", name, what);
  return 0;
}

int argumentArray(napi_env env, napi_value value, const char *name, napi_typedarray_type expected, int optional, Array *array,
                  Message *message) {
  *array = (Array){0};
  napi_valuetype kind;
  if (optional && napi_typeof(env, value, &kind) == napi_ok && kind == napi_undefined) return 1;
  napi_value buffer;
  size_t offset;
  if (napi_get_typedarray_info(env, value, &array->type, &array->length, &array->data, &buffer, &offset) != napi_ok)
    return failKind(name, expected, message);
  bool plain = false, detached = false;
  napi_is_arraybuffer(env, buffer, &plain);
  if (plain) napi_is_detached_arraybuffer(env, buffer, &detached);
  if (detached) return argumentFail(message, name, "is detached");
  array->shared = !plain;
  array->bytes = array->length * argumentElementBytes(array->type);
  // An empty array has no address; "given" must not depend on it.
  static _Alignas(64) char nothing[64];
  if (!array->data) array->data = nothing;
  return 1;
}

int argumentIs(const Array *array, napi_typedarray_type type, const char *name, Message *message) {
  return !array->data || array->type == type ? 1 : failKind(name, type, message);
}

int argumentInteger(const double *numbers, int index, int64_t low, int64_t high, int64_t *value, Message *message) {
  const double x = numbers[index];
  if (x >= (double)low && x <= (double)high && x == (double)(int64_t)x) {
    *value = (int64_t)x;
    return 1;
  }
  snprintf(message->text, sizeof message->text, "numbers[%d] is %g, expected an integer in %lld..%lld", index, x,
           (long long)low, (long long)high);
  return 0;
}

int argumentInt32(const double *numbers, int index, int64_t low, int64_t high, int32_t *value, Message *message) {
  int64_t wide;
  if (!argumentInteger(numbers, index, low, high, &wide, message)) return 0;
  *value = (int32_t)wide;
  return 1;
}

int argumentView(const double *numbers, int index, const Array *array, const char *name, const int64_t size[4],
                 ptrdiff_t *const strides[3], ptrdiff_t *start, Message *message) {
  const int64_t exact = (int64_t)1 << 53;
  Extent extent = {name, (int64_t)array->length, 0};
  ptrdiff_t stride[3];
  if (!argumentInteger(numbers, index, -exact, exact, &extent.offset, message)) return 0;
  for (int i = 0; i < 3; i++) {
    int64_t value;
    if (!argumentInteger(numbers, index + 1 + i, -exact, exact, &value, message)) return 0;
    stride[i] = size[i] > 1 ? (ptrdiff_t)value : 0;
  }
  if (!checkExtent(&extent, size, stride, message)) return 0;
  const int empty = size[0] == 0 || size[1] == 0 || size[2] == 0 || size[3] == 0;
  *start = empty ? 0 : (ptrdiff_t)extent.offset;
  for (int i = 0; i < 3; i++) *strides[i] = empty ? 0 : stride[i];
  return 1;
}
