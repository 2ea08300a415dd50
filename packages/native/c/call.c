#include "call.h"

#include <string.h>

#include "isa.h"
#include "programs.h"

static const char *const argumentNames[ARG_COUNT] = {"numbers", "units", "tasks", "queryOffset", "keyLength",
                                                     "indices", "reaches", "programs",
                                                     "q",       "k",     "v",     "out",         "lse",
                                                     "bias",    "mask",  "learnedSinks", "turned queries 1",
                                                     "turned queries 2", "turned queries 3", "keyScale", "valueScale"};

// --- arguments ---

static int isStored(int argument) { return argument == ARG_K || argument == ARG_V; }

static napi_typedarray_type storedArray(int64_t type) {
  return type == STORED_F32 ? napi_float32_array : type == STORED_I8 ? napi_int8_array : napi_uint16_array;
}

static napi_typedarray_type expectedType(int argument) {
  if (argument == ARG_NUMBERS) return napi_float64_array;
  if (argument < ARG_Q) return napi_int32_array;
  return argument == ARG_MASK ? napi_uint8_array : napi_float32_array;
}

static int readArray(napi_env env, int argument, napi_value value, Array *array, Message *message) {
  const char *name = argumentNames[argument];
  return argumentArray(env, value, name, expectedType(argument), argument >= ARG_LSE, array, message) &&
         (isStored(argument) || argumentIs(array, expectedType(argument), name, message));
}

// --- numbers ---

static int readInteger(const double *numbers, int index, int64_t *value, Message *message) {
  const int64_t exact = (int64_t)1 << 53;
  return argumentInteger(numbers, index, -exact, exact, value, message);
}

static int readSizes(const double *numbers, Sizes *sizes, Job *job, Message *message) {
  int64_t D, E;
  if (!readInteger(numbers, NUM_B, &sizes->B, message) || !readInteger(numbers, NUM_H, &sizes->H, message) ||
      !readInteger(numbers, NUM_G, &sizes->G, message) || !readInteger(numbers, NUM_N, &sizes->N, message) ||
      !readInteger(numbers, NUM_M, &sizes->M, message) || !readInteger(numbers, NUM_D, &D, message) ||
      !readInteger(numbers, NUM_E, &E, message) || !readInteger(numbers, NUM_KEY_ROWS, &sizes->keyRows, message) ||
      !checkSizes(sizes, D, E, message))
    return 0;
  job->D = (int32_t)D;
  job->E = (int32_t)E;
  return 1;
}

// Of k or v: what they hold, and an array of that type.
static int readStored(const double *numbers, int index, const Array *array, const char *name, int32_t *type,
                      Message *message) {
  int64_t value;
  if (!readInteger(numbers, index, &value, message)) return 0;
  if (value < STORED_F32 || value > STORED_I8 || array->type != storedArray(value))
    return argumentFail(message, name, "is not an array of the type that it stores");
  *type = (int32_t)value;
  return 1;
}

static int readScoring(const double *numbers, Job *job, Message *message) {
  int64_t scoring;
  if (!readInteger(numbers, NUM_SCORING, &scoring, message)) return 0;
  if (scoring < SCORES_NONE || scoring > SCORES_RELU) return argumentFail(message, "scoring", "is unknown");
  job->scoring = (int32_t)scoring;
  return 1;
}

static int readTerms(const double *numbers, Call *call, Message *message) {
  int64_t threads, isa;
  int isas;
  const Isa *table = isaTable(&isas);
  if (!readInteger(numbers, NUM_THREADS, &threads, message) || !readInteger(numbers, NUM_ISA, &isa, message))
    return 0;
  if (isa < 0 || isa >= isas || table[isa].missing) return argumentFail(message, "this machine", "has no such instruction set");
  call->pool.threads = threads < 1 ? 1 : threads > POOL_MAX_THREADS ? POOL_MAX_THREADS : (int)threads;
  call->kernels = table[isa].kernels;
  call->job.scale = (float)numbers[NUM_SCALE];
  call->job.softcap = (float)numbers[NUM_SOFTCAP];
  call->job.gathered = numbers[NUM_GATHERED] != 0;
  return readScoring(numbers, &call->job, message);
}

// --- tensors ---

#define VIEW(NUM, ARG, SIZE0, SIZE1, SIZE2, SIZE3, S0, S1, S2, FIELD, TYPE, STEP)                                     \
  do {                                                                                                                \
    const Array *array = &call->arrays[ARG - ARG_Q];                                                                  \
    const int64_t size[4] = {SIZE0, SIZE1, SIZE2, SIZE3};                                                             \
    ptrdiff_t none[3], start = 0, *const given[3] = {S0, S1, S2};                                                     \
    ptrdiff_t *const strides[3] = {given[0] ? given[0] : none, given[1] ? given[1] : none + 1,                        \
                                   given[2] ? given[2] : none + 2};                                                   \
    if (array->data) {                                                                                                \
      if (!argumentView(numbers, NUM, array, argumentNames[ARG], size, strides, &start, message)) return 0;           \
      job->FIELD = (TYPE *)array->data + start * (STEP);                                                              \
    }                                                                                                                 \
  } while (0)

// The queries of further operands have the strides of the first.
static int readTurned(const double *numbers, const Sizes *s, Call *call, Message *message) {
  Job *job = &call->job;
  const int64_t size[4] = {s->B, s->H, s->N, job->D};
  const ptrdiff_t stride[3] = {job->qB, job->qH, job->qN};
  job->operands = 1;
  for (int i = 1; i < SACCADE_OPERANDS; i++) {
    const int argument = ARG_TURNED + i - 1;
    const Array *array = &call->arrays[argument - ARG_Q];
    if (!array->data) return 1;
    Extent extent = {argumentNames[argument], (int64_t)array->length, 0};
    if (!readInteger(numbers, NUM_TURNED + i - 1, &extent.offset, message) ||
        !checkExtent(&extent, size, stride, message))
      return 0;
    const int empty = s->B == 0 || s->H == 0 || s->N == 0;
    job->q[i] = (const float *)array->data + (empty ? 0 : extent.offset);
    job->operands++;
  }
  return 1;
}

static int readTensors(const double *numbers, const Sizes *s, Call *call, Message *message) {
  Job *job = &call->job;
  const Array *k = &call->arrays[ARG_K - ARG_Q], *v = &call->arrays[ARG_V - ARG_Q];
  if (!readStored(numbers, NUM_KEY_TYPE, k, "k", &job->keyType, message) ||
      !readStored(numbers, NUM_VALUE_TYPE, v, "v", &job->valueType, message))
    return 0;
  const ptrdiff_t kBytes = (ptrdiff_t)argumentElementBytes(k->type), vBytes = (ptrdiff_t)argumentElementBytes(v->type);
  VIEW(NUM_Q, ARG_Q, s->B, s->H, s->N, job->D, &job->qB, &job->qH, &job->qN, q[0], float, 1);
  VIEW(NUM_K, ARG_K, s->B, s->G, s->keyRows, job->D, &job->kB, &job->kH, &job->kN, k, char, kBytes);
  VIEW(NUM_V, ARG_V, s->B, s->G, s->keyRows, job->E, &job->vB, &job->vH, &job->vN, v, char, vBytes);
  // Scores are read as they are: keys of f32, one in every row, and what is subtracted from them or multiplied with.
  if (job->scoring && (job->keyType != STORED_F32 || s->keyRows < s->M)) return argumentFail(message, "scoring", "needs all keys as f32");
  if (job->scoring >= SCORES_MASS && !call->arrays[ARG_LSE - ARG_Q].data) return argumentFail(message, "lse", "is missing");
  const int64_t outHeads = job->scoring > SCORES_EACH ? s->G : s->H, outWidth = job->scoring ? s->M : job->E;
  VIEW(NUM_OUT, ARG_OUT, s->B, outHeads, s->N, outWidth, &job->outB, &job->outH, &job->outN, out, float, 1);
  VIEW(NUM_BIAS, ARG_BIAS, s->B, s->H, s->N, s->M, &job->biasB, &job->biasH, &job->biasN, bias, float, 1);
  VIEW(NUM_MASK, ARG_MASK, s->B, s->H, s->N, s->M, &job->maskB, &job->maskH, &job->maskN, mask, uint8_t, 1);
  // Contiguous along their last axis: the third stride stands for an axis that is not there.
  VIEW(NUM_LSE, ARG_LSE, s->B, s->H, 1, s->N, &job->lseB, &job->lseH, 0, lse, float, 1);
  VIEW(NUM_SINKS, ARG_SINKS, s->B, 1, 1, s->H, &job->sinkB, 0, 0, learnedSinks, float, 1);
  VIEW(NUM_KEY_SCALE, ARG_KEY_SCALE, s->B, s->G, 1, s->keyRows, &job->kScaleB, &job->kScaleH, 0, kScale, float, 1);
  VIEW(NUM_VALUE_SCALE, ARG_VALUE_SCALE, s->B, s->G, 1, s->keyRows, &job->vScaleB, &job->vScaleH, 0, vScale, float, 1);
  if ((job->keyType == STORED_I8 && !job->kScale) || (job->valueType == STORED_I8 && !job->vScale))
    return argumentFail(message, "int8", "needs a scale for every row");
  return readTurned(numbers, s, call, message);
}

// --- lists ---

// Copies units, tasks, positions and all else that decides what is read, so that what was checked is what runs.
static int copyLists(const Array lists[ARG_Q], Call *call, const int32_t **programs, Table **tables, Message *message) {
  size_t at[ARG_Q + 1] = {0};
  const Array *packed = &lists[ARG_PROGRAMS];
  for (int i = ARG_UNITS; i < ARG_Q; i++) at[i + 1] = at[i] + ((lists[i].bytes + 63) & ~(size_t)63);
  char *copy = blockNeed(&call->lists, at[ARG_Q] + programsTableBytes(packed->data, packed->length));
  if (!copy) return argumentFail(message, "memory", "is exhausted");
  for (int i = ARG_UNITS; i < ARG_Q; i++) memcpy(copy + at[i], lists[i].data, lists[i].bytes);
  Job *job = &call->job;
  job->units = (const Unit *)(copy + at[ARG_UNITS]);
  job->tasks = (const Task *)(copy + at[ARG_TASKS]);
  job->queryOffset = (const int32_t *)(copy + at[ARG_QUERY_OFFSET]);
  job->keyLength = (const int32_t *)(copy + at[ARG_KEY_LENGTH]);
  // Without indices nothing is gathered, and no room is needed for it.
  job->indices = lists[ARG_INDICES].length ? (const int32_t *)(copy + at[ARG_INDICES]) : 0;
  job->reaches = (const Reach *)(copy + at[ARG_REACHES]);
  *programs = (const int32_t *)(copy + at[ARG_PROGRAMS]);
  *tables = (Table *)(copy + at[ARG_Q]);
  return 1;
}

static int readLists(const Array lists[ARG_Q], const Sizes *sizes, Call *call, Needs *needs, Message *message) {
  Job *job = &call->job;
  const size_t units = lists[ARG_UNITS].bytes / sizeof(Unit), tasks = lists[ARG_TASKS].bytes / sizeof(Task);
  const size_t indices = lists[ARG_INDICES].length, reaches = lists[ARG_REACHES].bytes / sizeof(Reach);
  const int32_t *programs = 0;
  Table *tables = 0;
  if (units > INT32_MAX / 2) return argumentFail(message, "units", "are too many");
  if (tasks > INT32_MAX / 2) return argumentFail(message, "tasks", "are too many");
  if (indices > INT32_MAX / 2) return argumentFail(message, "indices", "are too many");
  if (reaches > INT32_MAX / 2) return argumentFail(message, "reaches", "are too many");
  for (int i = ARG_QUERY_OFFSET; i <= ARG_KEY_LENGTH; i++)
    if (lists[i].length != (size_t)sizes->B) return argumentFail(message, argumentNames[i], "does not have B elements");
  if (!copyLists(lists, call, &programs, &tables, message)) return 0;
  job->unitCount = call->pool.unitCount = (int32_t)units;
  const Lists counts = {(int32_t)tasks, (int32_t)indices, (int32_t)reaches};
  return programsRead(programs, lists[ARG_PROGRAMS].length, tables, call->programs, job, message) &&
         checkPositions(job, sizes, message) && checkReaches(job, counts.reaches, message) &&
         checkUnits(job, sizes, &counts, needs, message);
}

// Slots, then arrival counters.
static int makeSlots(const Needs *needs, Call *call, Message *message) {
  Job *job = &call->job;
  job->slotFloats = call->kernels->slotFloats(needs->rows, job->E);
  if (needs->slots == 0) return 1;
  const size_t slotBytes = (size_t)needs->slots * (size_t)job->slotFloats * sizeof(float);
  const size_t joinBytes = (size_t)needs->joins * sizeof(int32_t);
  char *base = blockNeed(&call->slots, slotBytes + joinBytes);
  if (!base) return argumentFail(message, "memory", "is exhausted");
  job->slots = (float *)base;
  job->joins = (int32_t *)(base + slotBytes);
  memset(job->joins, 0, joinBytes);
  return 1;
}

void callRanges(Call *call) {
  call->pool.rangeCount = 0;
  for (int i = 0; i < ARRAYS; i++) {
    const Array *array = &call->arrays[i];
    if (array->bytes && !array->shared)
      call->pool.ranges[call->pool.rangeCount++] = (Range){array->data, array->bytes};
  }
}

static void runUnit(const PoolCall *pool, int unit, float *scratch) {
  const Call *call = (const Call *)pool;
  Job job = call->job;
  job.scratch = scratch;
  job.next = unit;
  call->kernels->run(&job, 0, 1);
}

static int readCall(napi_env env, const napi_value *arguments, Call *call, Message *message) {
  Array lists[ARG_Q];
  for (int i = 0; i < ARG_COUNT; i++) {
    Array *array = i < ARG_Q ? &lists[i] : &call->arrays[i - ARG_Q];
    if (!readArray(env, i, arguments[i], array, message)) return 0;
  }
  if (lists[ARG_NUMBERS].length != NUM_COUNT) return argumentFail(message, "numbers", "have the wrong length");
  double numbers[NUM_COUNT];
  memcpy(numbers, lists[ARG_NUMBERS].data, sizeof numbers);
  Job *job = &call->job;
  *job = (Job){0};
  Sizes sizes;
  Needs needs;
  if (!readSizes(numbers, &sizes, job, message) || !readTerms(numbers, call, message) ||
      !readTensors(numbers, &sizes, call, message) || !readLists(lists, &sizes, call, &needs, message) ||
      !makeSlots(&needs, call, message))
    return 0;
  job->keyHi = (int32_t)sizes.M;
  job->phase = JOB_BEGIN | JOB_END;
  job->scratchFloats = call->kernels->scratchFloats(needs.rows, job->D, job->E, job->operands, scratch_needs(job));
  call->pool.run = runUnit;
  call->pool.scratchBytes = (size_t)job->scratchFloats * sizeof(float);
  callRanges(call);
  const Array *out = &call->arrays[ARG_OUT - ARG_Q];
  memoryIsWritten(out->data, out->bytes);
  return 1;
}

const CallKind attendCall = {readCall, ARG_Q, ARRAYS, ARG_CALLBACK};

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
