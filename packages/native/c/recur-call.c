#include "recur-call.h"

#include <string.h>

#include "isa.h"

// In the order of `RECUR_NUMBERS` in ../src/addon.ts. An offset is followed by three strides.
enum {
  NUM_RECUR_ISA, NUM_RECUR_THREADS,
  NUM_RECUR_B, NUM_RECUR_H, NUM_RECUR_G, NUM_RECUR_V, NUM_RECUR_N, NUM_RECUR_D, NUM_RECUR_E,
  NUM_RECUR_SCALE, NUM_RECUR_PANEL, NUM_RECUR_DECAY_KIND, NUM_RECUR_RULE, NUM_RECUR_MODE,
  NUM_RECUR_Q, NUM_RECUR_K = NUM_RECUR_Q + 4, NUM_RECUR_VALUES = NUM_RECUR_K + 4, NUM_RECUR_OUT = NUM_RECUR_VALUES + 4,
  NUM_RECUR_DECAY = NUM_RECUR_OUT + 4, NUM_RECUR_BETA = NUM_RECUR_DECAY + 4, NUM_RECUR_A = NUM_RECUR_BETA + 4,
  NUM_RECUR_GAIN = NUM_RECUR_A + 4,
  NUM_RECUR_COUNT = NUM_RECUR_GAIN + 4
};

enum { FIRST = RECUR_Q, RECUR_ARRAYS = RECUR_ARG_COUNT - RECUR_Q };

static const char *const names[RECUR_ARG_COUNT] = {"numbers", "lengths", "q", "k", "v", "out", "state",
                                                   "decay", "beta", "a", "b", "sums", "sumsAfter"};

static int divides(int32_t small, int32_t large) { return small > 0 && large % small == 0; }

static int readSizes(const double *x, Recurrence *r, Message *message) {
  if (!argumentInt32(x, NUM_RECUR_B, 0, MAX_LENGTH, &r->B, message) ||
      !argumentInt32(x, NUM_RECUR_H, 1, MAX_WIDTH, &r->H, message) ||
      !argumentInt32(x, NUM_RECUR_G, 1, MAX_WIDTH, &r->G, message) ||
      !argumentInt32(x, NUM_RECUR_V, 1, MAX_WIDTH, &r->V, message) ||
      !argumentInt32(x, NUM_RECUR_N, 0, MAX_LENGTH, &r->N, message) ||
      !argumentInt32(x, NUM_RECUR_D, 1, MAX_WIDTH, &r->D, message) ||
      !argumentInt32(x, NUM_RECUR_E, 1, MAX_WIDTH, &r->E, message) ||
      !argumentInt32(x, NUM_RECUR_PANEL, 1, MAX_WIDTH, &r->panel, message) ||
      !argumentInt32(x, NUM_RECUR_DECAY_KIND, DECAY_NONE, DECAY_CHANNEL, &r->decayKind, message) ||
      !argumentInt32(x, NUM_RECUR_RULE, RULE_ADDITIVE, RULE_GENERAL, &r->rule, message) ||
      !argumentInt32(x, NUM_RECUR_MODE, RECUR_BOTH, RECUR_READ, &r->mode, message))
    return 0;
  if (!divides(r->G, r->V) || (!divides(r->V, r->H) && !divides(r->H, r->V))) return argumentFail(message, "heads", "do not divide");
  if ((int64_t)r->B * r->V * ((r->E + r->panel - 1) / r->panel) > MAX_LENGTH) return argumentFail(message, "items", "are too many");
  r->scale = (float)x[NUM_RECUR_SCALE];
  r->last = r->N;
  return 1;
}

// A tensor [B, heads, N, width] of the call, where it is given.
static int readTensor(const double *x, int at, const Call *call, int argument, int64_t heads, int64_t tokens, int64_t width,
                      RecurStrides *steps, float **data, Message *message) {
  const Array *array = &call->arrays[argument - FIRST];
  ptrdiff_t start;
  if (!array->data) return argumentFail(message, names[argument], "is missing");
  const int64_t size[4] = {call->recurrence.B, heads, tokens, width};
  ptrdiff_t *const strides[3] = {&steps->b, &steps->h, &steps->n};
  if (!argumentView(x, at, array, names[argument], size, strides, &start, message)) return 0;
  *data = (float *)array->data + start;
  return 1;
}

static int readStates(Call *call, Message *message) {
  Recurrence *r = &call->recurrence;
  const int64_t states = (int64_t)r->B * r->V, rows = states * r->D;
  const Array *state = &call->arrays[RECUR_STATE - FIRST];
  if (rows > MAX_LENGTH || (int64_t)state->length / (rows ? rows : 1) < r->E) return argumentFail(message, "state", "is shorter than its states");
  r->state = state->data;
  const Array *sums = &call->arrays[RECUR_SUMS - FIRST], *after = &call->arrays[RECUR_SUMS_AFTER - FIRST];
  if (!sums->data) return 1;
  if (r->rule != RULE_ADDITIVE) return argumentFail(message, "sums", "need the additive rule");
  if (!after->data || (int64_t)sums->length < rows || (int64_t)after->length < rows) return argumentFail(message, "sums", "are too short");
  if (sums->data == after->data) return argumentFail(message, "sumsAfter", "is sums");
  r->sums = sums->data;
  r->sumsAfter = after->data;
  return 1;
}

static int readTensors(const double *x, Call *call, Message *message) {
  Recurrence *r = &call->recurrence;
  const int perHead = r->decayKind == DECAY_HEAD;
  return readTensor(x, NUM_RECUR_Q, call, RECUR_Q, r->H, r->N, r->D, &r->qStep, (float **)&r->q, message) &&
         readTensor(x, NUM_RECUR_K, call, RECUR_K, r->G, r->N, r->D, &r->kStep, (float **)&r->k, message) &&
         readTensor(x, NUM_RECUR_VALUES, call, RECUR_V, r->V, r->N, r->E, &r->vStep, (float **)&r->v, message) &&
         readTensor(x, NUM_RECUR_OUT, call, RECUR_OUT, r->H > r->V ? r->H : r->V, r->N, r->E, &r->outStep, &r->out, message) &&
         (r->decayKind == DECAY_NONE ||
          readTensor(x, NUM_RECUR_DECAY, call, RECUR_DECAY, r->V, perHead ? 1 : r->N, r->decayKind == DECAY_CHANNEL ? r->D : 1,
                     &r->decayStep, (float **)&r->decay, message)) &&
         (r->rule != RULE_DELTA ||
          readTensor(x, NUM_RECUR_BETA, call, RECUR_BETA, r->V, r->N, 1, &r->betaStep, (float **)&r->beta, message)) &&
         (r->rule != RULE_GENERAL ||
          (readTensor(x, NUM_RECUR_A, call, RECUR_A, r->V, r->N, r->D, &r->aStep, (float **)&r->a, message) &&
           readTensor(x, NUM_RECUR_GAIN, call, RECUR_B, r->V, r->N, r->D, &r->bStep, (float **)&r->b, message)));
}

// A copy, which JavaScript cannot change after it was checked.
static int readLengths(const Array *lengths, Call *call, Message *message) {
  Recurrence *r = &call->recurrence;
  if (!lengths->data) return 1;
  if (lengths->length != (size_t)r->B) return argumentFail(message, "lengths", "does not have B elements");
  int32_t *copy = blockNeed(&call->lists, lengths->bytes + 4);
  if (!copy) return argumentFail(message, "memory", "is exhausted");
  memcpy(copy, lengths->data, lengths->bytes);
  for (int b = 0; b < r->B; b++)
    if (copy[b] < 0 || copy[b] > r->N) return argumentFail(message, "a length", "is not in 0..N");
  r->lengths = copy;
  return 1;
}

static void runItem(const PoolCall *pool, int unit, float *scratch) {
  const Call *call = (const Call *)pool;
  call->kernels->recur(&call->recurrence, unit, scratch);
}

static int readCall(napi_env env, const napi_value *arguments, Call *call, Message *message) {
  Array numbers, lengths;
  if (!argumentArray(env, arguments[RECUR_NUMBERS], names[RECUR_NUMBERS], napi_float64_array, 0, &numbers, message) ||
      !argumentIs(&numbers, napi_float64_array, names[RECUR_NUMBERS], message) ||
      !argumentArray(env, arguments[RECUR_LENGTHS], names[RECUR_LENGTHS], napi_int32_array, 1, &lengths, message) ||
      !argumentIs(&lengths, napi_int32_array, names[RECUR_LENGTHS], message))
    return 0;
  for (int i = FIRST; i < RECUR_ARG_COUNT; i++)
    if (!argumentArray(env, arguments[i], names[i], napi_float32_array, i >= RECUR_DECAY, &call->arrays[i - FIRST], message) ||
        !argumentIs(&call->arrays[i - FIRST], napi_float32_array, names[i], message))
      return 0;
  for (int i = RECUR_ARRAYS; i < ARRAYS; i++) call->arrays[i] = (Array){0};
  if (numbers.length != NUM_RECUR_COUNT) return argumentFail(message, "numbers", "have the wrong length");
  double x[NUM_RECUR_COUNT];
  memcpy(x, numbers.data, sizeof x);
  int isas;
  int32_t isa, threads;
  const Isa *table = isaTable(&isas);
  call->recurrence = (Recurrence){0};
  if (!argumentInt32(x, NUM_RECUR_ISA, 0, isas - 1, &isa, message) ||
      !argumentInt32(x, NUM_RECUR_THREADS, 1, POOL_MAX_THREADS, &threads, message))
    return 0;
  if (table[isa].missing) return argumentFail(message, "this machine", "has no such instruction set");
  call->kernels = table[isa].kernels;
  if (!readSizes(x, &call->recurrence, message) || !readTensors(x, call, message) || !readStates(call, message) ||
      !readLengths(&lengths, call, message))
    return 0;
  call->pool.threads = threads;
  call->pool.run = runItem;
  call->pool.unitCount = recur_items(&call->recurrence);
  call->pool.scratchBytes = (size_t)call->kernels->recurScratchFloats(&call->recurrence) * sizeof(float);
  callRanges(call);
  const Array *out = &call->arrays[RECUR_OUT - FIRST];
  memoryIsWritten(out->data, out->bytes);
  return 1;
}

const CallKind recurCall = {readCall, FIRST, RECUR_ARRAYS, RECUR_CALLBACK};
