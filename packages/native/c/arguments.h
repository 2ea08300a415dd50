// What JavaScript passes to a call: typed arrays, and numbers in a Float64Array. Everything is checked before memory is touched.
#ifndef SACCADE_ARGUMENTS_H
#define SACCADE_ARGUMENTS_H

#include <node_api.h>

#include "bounds.h"

// A typed array as it was when the call began.
typedef struct {
  void *data;
  size_t length, bytes;
  napi_typedarray_type type;
  int shared; // a SharedArrayBuffer: it cannot be transferred
} Array;

size_t argumentElementBytes(napi_typedarray_type type);

// Each returns 1, or 0 with a message: `name` and what is wrong with it.
int argumentFail(Message *message, const char *name, const char *what);

// No JavaScript runs in here, so nothing changes between the first array and the end of a synchronous call. What is undefined
// and may be is an array without data. Of another type than expected it passes: argumentIs tells.
int argumentArray(napi_env env, napi_value value, const char *name, napi_typedarray_type expected, int optional, Array *array,
                  Message *message);
int argumentIs(const Array *array, napi_typedarray_type type, const char *name, Message *message);
// A whole number, low <= value <= high.
int argumentInteger(const double *numbers, int index, int64_t low, int64_t high, int64_t *value, Message *message);
int argumentInt32(const double *numbers, int index, int64_t low, int64_t high, int32_t *value, Message *message);
// The element at the offset, and the strides that follow it; strides of axes with one element do not count and may be anything.
int argumentView(const double *numbers, int index, const Array *array, const char *name, const int64_t size[4],
                 ptrdiff_t *const strides[3], ptrdiff_t *start, Message *message);

#endif
