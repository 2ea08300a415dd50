#include "call.h"

#include <stdio.h>
#include <string.h>

#include "isa.h"

static const char *const argumentNames[ARG_COUNT] = {"numbers", "units", "tasks", "queryOffset", "keyLength",
                                                     "q",       "k",     "v",     "out",         "lse",
                                                     "bias",    "mask",  "learnedSinks"};

static int fail(Message *message, const char *what, const char *name) {
  snprintf(message->text, sizeof message->text, "%s %s", name, what);
  return 0;
}

// --- arguments ---

static size_t elementBytes(napi_typedarray_type type) {
  return type == napi_float64_array ? 8 : type == napi_uint8_array ? 1 : 4;
}

static napi_typedarray_type expectedType(int argument) {
  if (argument == ARG_NUMBERS) return napi_float64_array;
  if (argument < ARG_Q) return napi_int32_array;
  return argument == ARG_MASK ? napi_uint8_array : napi_float32_array;
}

static const char *expectedName(int argument) {
  switch (expectedType(argument)) {
  case napi_float64_array: return "is not a Float64Array";
  case napi_int32_array: return "is not an Int32Array";
  case napi_uint8_array: return "is not a Uint8Array";
  default: return "is not a Float32Array";
  }
}

static int isMissing(napi_env env, napi_value value) {
  napi_valuetype type;
  return napi_typeof(env, value, &type) == napi_ok && type == napi_undefined;
}

// No JavaScript runs in here, so nothing changes between the first array and the end of a synchronous call.
static int readArray(napi_env env, int argument, napi_value value, Array *array, Message *message) {
  *array = (Array){0, 0, 0, 0};
  if (argument >= ARG_LSE && isMissing(env, value)) return 1;
  napi_typedarray_type type;
  napi_value buffer;
  size_t offset;
  if (napi_get_typedarray_info(env, value, &type, &array->length, &array->data, &buffer, &offset) != napi_ok ||
      type != expectedType(argument))
    return fail(message, expectedName(argument), argumentNames[argument]);
  bool plain = false, detached = false;
  napi_is_arraybuffer(env, buffer, &plain);
  if (plain) napi_is_detached_arraybuffer(env, buffer, &detached);
  if (detached) return fail(message, "is detached", argumentNames[argument]);
  array->shared = !plain;
  array->bytes = array->length * elementBytes(type);
  // An empty array has no address; "given" must not depend on it.
  static _Alignas(64) char nothing[64];
  if (!array->data) array->data = nothing;
  return 1;
}

// --- numbers ---

// A whole number that an int64 holds exactly.
static int readInteger(const double *numbers, int index, int64_t *value, Message *message) {
  const double x = numbers[index];
  if (!(x >= -9007199254740992.0 && x <= 9007199254740992.0) || x != (double)(int64_t)x) {
    snprintf(message->text, sizeof message->text, "numbers[%d] is %g, expected an integer", index, x);
    return 0;
  }
  *value = (int64_t)x;
  return 1;
}

static int readSizes(const double *numbers, Sizes *sizes, Job *job, Message *message) {
  int64_t D, E;
  if (!readInteger(numbers, NUM_B, &sizes->B, message) || !readInteger(numbers, NUM_H, &sizes->H, message) ||
      !readInteger(numbers, NUM_G, &sizes->G, message) || !readInteger(numbers, NUM_N, &sizes->N, message) ||
      !readInteger(numbers, NUM_M, &sizes->M, message) || !readInteger(numbers, NUM_D, &D, message) ||
      !readInteger(numbers, NUM_E, &E, message) || !checkSizes(sizes, D, E, message))
    return 0;
  job->D = (int32_t)D;
  job->E = (int32_t)E;
  return 1;
}

// Infinity means unlimited, which is INT32_MAX in a job.
static int readReach(const double *numbers, int index, int32_t *reach, Message *message) {
  int64_t value;
  if (numbers[index] == __builtin_inf()) {
    *reach = INT32_MAX;
    return 1;
  }
  if (!readInteger(numbers, index, &value, message)) return 0;
  if (value < 0 || value > INT32_MAX) {
    snprintf(message->text, sizeof message->text, "numbers[%d] is %lld, expected 0..2^31-1", index, (long long)value);
    return 0;
  }
  *reach = (int32_t)value;
  return 1;
}

static int readTerms(const double *numbers, PoolCall *call, Message *message) {
  int64_t threads, isa;
  int isas;
  const Isa *table = isaTable(&isas);
  if (!readInteger(numbers, NUM_THREADS, &threads, message) || !readInteger(numbers, NUM_ISA, &isa, message) ||
      !readReach(numbers, NUM_AHEAD, &call->job.ahead, message) ||
      !readReach(numbers, NUM_BACK, &call->job.back, message))
    return 0;
  if (isa < 0 || isa >= isas || table[isa].missing) return fail(message, "has no such instruction set", "this machine");
  call->threads = threads < 1 ? 1 : threads > POOL_MAX_THREADS ? POOL_MAX_THREADS : (int)threads;
  call->kernels = table[isa].kernels;
  call->job.scale = (float)numbers[NUM_SCALE];
  call->job.softcap = (float)numbers[NUM_SOFTCAP];
  return 1;
}

// --- tensors ---

// The element at the offset, and the strides; strides of axes with one element do not count and may be anything.
static int readView(const double *numbers, int index, const Array *array, const char *name, const int64_t size[4],
                    ptrdiff_t *strides[3], ptrdiff_t *start, Message *message) {
  Extent extent = {name, (int64_t)array->length, 0};
  ptrdiff_t stride[3];
  if (!readInteger(numbers, index, &extent.offset, message)) return 0;
  for (int i = 0; i < 3; i++) {
    int64_t value;
    if (!readInteger(numbers, index + 1 + i, &value, message)) return 0;
    stride[i] = size[i] > 1 ? (ptrdiff_t)value : 0;
  }
  if (!checkExtent(&extent, size, stride, message)) return 0;
  const int empty = size[0] == 0 || size[1] == 0 || size[2] == 0 || size[3] == 0;
  *start = empty ? 0 : (ptrdiff_t)extent.offset;
  for (int i = 0; i < 3; i++)
    if (strides[i]) *strides[i] = empty ? 0 : stride[i];
  return 1;
}

#define VIEW(NUM, ARG, SIZE0, SIZE1, SIZE2, SIZE3, S0, S1, S2, FIELD, TYPE)                                           \
  do {                                                                                                                \
    const Array *array = &call->arrays[ARG - ARG_Q];                                                                  \
    const int64_t size[4] = {SIZE0, SIZE1, SIZE2, SIZE3};                                                             \
    ptrdiff_t *strides[3] = {S0, S1, S2}, start = 0;                                                                  \
    if (array->data) {                                                                                                \
      if (!readView(numbers, NUM, array, argumentNames[ARG], size, strides, &start, message)) return 0;               \
      job->FIELD = (TYPE *)array->data + start;                                                                       \
    }                                                                                                                 \
  } while (0)

static int readTensors(const double *numbers, const Sizes *s, Call *call, Message *message) {
  Job *job = &call->pool.job;
  VIEW(NUM_Q, ARG_Q, s->B, s->H, s->N, job->D, &job->qB, &job->qH, &job->qN, q, float);
  VIEW(NUM_K, ARG_K, s->B, s->G, s->M, job->D, &job->kB, &job->kH, &job->kN, k, float);
  VIEW(NUM_V, ARG_V, s->B, s->G, s->M, job->E, &job->vB, &job->vH, &job->vN, v, float);
  VIEW(NUM_OUT, ARG_OUT, s->B, s->H, s->N, job->E, &job->outB, &job->outH, &job->outN, out, float);
  VIEW(NUM_BIAS, ARG_BIAS, s->B, s->H, s->N, s->M, &job->biasB, &job->biasH, &job->biasN, bias, float);
  VIEW(NUM_MASK, ARG_MASK, s->B, s->H, s->N, s->M, &job->maskB, &job->maskH, &job->maskN, mask, uint8_t);
  // Contiguous along their last axis: the third stride stands for an axis that is not there.
  VIEW(NUM_LSE, ARG_LSE, s->B, s->H, 1, s->N, &job->lseB, &job->lseH, 0, lse, float);
  VIEW(NUM_SINKS, ARG_SINKS, s->B, 1, 1, s->H, &job->sinkB, 0, 0, learnedSinks, float);
  return 1;
}

// --- lists ---

// Copies units, tasks and positions, so that what was checked is what runs.
static int copyLists(const Array lists[ARG_Q], Call *call, Message *message) {
  size_t at[ARG_Q + 1] = {0};
  for (int i = ARG_UNITS; i < ARG_Q; i++) at[i + 1] = at[i] + ((lists[i].bytes + 63) & ~(size_t)63);
  char *copy = blockNeed(&call->lists, at[ARG_Q]);
  if (!copy) return fail(message, "is exhausted", "memory");
  for (int i = ARG_UNITS; i < ARG_Q; i++) memcpy(copy + at[i], lists[i].data, lists[i].bytes);
  Job *job = &call->pool.job;
  job->units = (const Unit *)(copy + at[ARG_UNITS]);
  job->tasks = (const Task *)(copy + at[ARG_TASKS]);
  job->queryOffset = (const int32_t *)(copy + at[ARG_QUERY_OFFSET]);
  job->keyLength = (const int32_t *)(copy + at[ARG_KEY_LENGTH]);
  return 1;
}

static int readLists(const Array lists[ARG_Q], const Sizes *sizes, Call *call, Needs *needs, Message *message) {
  Job *job = &call->pool.job;
  const size_t units = lists[ARG_UNITS].bytes / sizeof(Unit), tasks = lists[ARG_TASKS].bytes / sizeof(Task);
  if (units > INT32_MAX / 2) return fail(message, "are too many", "units");
  if (tasks > INT32_MAX / 2) return fail(message, "are too many", "tasks");
  for (int i = ARG_QUERY_OFFSET; i <= ARG_KEY_LENGTH; i++)
    if (lists[i].length != (size_t)sizes->B) return fail(message, "does not have B elements", argumentNames[i]);
  if (!copyLists(lists, call, message)) return 0;
  job->unitCount = (int32_t)units;
  return checkPositions(job, sizes, message) && checkUnits(job, sizes, (int32_t)tasks, needs, message);
}

// Slots, then arrival counters.
static int makeSlots(const Needs *needs, Call *call, Message *message) {
  Job *job = &call->pool.job;
  job->slotFloats = call->pool.kernels->slotFloats(needs->rows, job->E);
  if (needs->slots == 0) return 1;
  const size_t slotBytes = (size_t)needs->slots * (size_t)job->slotFloats * sizeof(float);
  const size_t joinBytes = (size_t)needs->joins * sizeof(int32_t);
  char *base = blockNeed(&call->slots, slotBytes + joinBytes);
  if (!base) return fail(message, "is exhausted", "memory");
  job->slots = (float *)base;
  job->joins = (int32_t *)(base + slotBytes);
  memset(job->joins, 0, joinBytes);
  return 1;
}

static void setRanges(Call *call) {
  call->pool.rangeCount = 0;
  for (int i = 0; i < ARRAYS; i++) {
    const Array *array = &call->arrays[i];
    if (array->bytes && !array->shared)
      call->pool.ranges[call->pool.rangeCount++] = (Range){array->data, array->bytes};
  }
}

int callRead(napi_env env, const napi_value *arguments, Call *call, Message *message) {
  Array lists[ARG_Q];
  for (int i = 0; i < ARG_COUNT; i++) {
    Array *array = i < ARG_Q ? &lists[i] : &call->arrays[i - ARG_Q];
    if (!readArray(env, i, arguments[i], array, message)) return 0;
  }
  if (lists[ARG_NUMBERS].length != NUM_COUNT) return fail(message, "have the wrong length", "numbers");
  double numbers[NUM_COUNT];
  memcpy(numbers, lists[ARG_NUMBERS].data, sizeof numbers);
  Job *job = &call->pool.job;
  *job = (Job){0};
  Sizes sizes;
  Needs needs;
  if (!readSizes(numbers, &sizes, job, message) || !readTerms(numbers, &call->pool, message) ||
      !readTensors(numbers, &sizes, call, message) || !readLists(lists, &sizes, call, &needs, message) ||
      !makeSlots(&needs, call, message))
    return 0;
  job->keyHi = (int32_t)sizes.M;
  job->phase = JOB_BEGIN | JOB_END;
  job->scratchFloats = call->pool.kernels->scratchFloats(needs.rows, job->D, job->E, job->bias || job->mask);
  call->pool.scratchBytes = (size_t)job->scratchFloats * sizeof(float);
  setRanges(call);
  return 1;
}

int callArrayIntact(napi_env env, napi_value value, const Array *array) {
  napi_typedarray_type type;
  size_t length, offset;
  void *data;
  napi_value buffer;
  if (napi_get_typedarray_info(env, value, &type, &length, &data, &buffer, &offset) != napi_ok) return 0;
  return length == array->length && (length == 0 || data == array->data);
}

void callFree(Call *call) {
  blockFree(&call->lists);
  blockFree(&call->slots);
}
