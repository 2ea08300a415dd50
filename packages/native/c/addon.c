// The functions that JavaScript sees. Their types stand in ../src/addon.ts.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "environment.h"
#include "isa.h"
#include "product-call.h"
#include "recur-call.h"
#include "rotate-call.h"

static Environment *environmentOf(napi_env env) {
  void *data = 0;
  napi_get_instance_data(env, &data);
  return data;
}

static napi_value throwRange(napi_env env, const Message *message) {
  char full[MESSAGE_BYTES + 8];
  snprintf(full, sizeof full, "native: %s", message->text);
  napi_throw_range_error(env, 0, full);
  return 0;
}

static napi_value number(napi_env env, double x) {
  napi_value value = 0;
  napi_create_double(env, x, &value);
  return value;
}

static void put(napi_env env, napi_value object, const char *name, napi_value value) {
  if (value) napi_set_named_property(env, object, name, value);
}

static napi_value text(napi_env env, const char *string) {
  napi_value value = 0;
  napi_create_string_utf8(env, string, NAPI_AUTO_LENGTH, &value);
  return value;
}

static napi_value runSync(napi_env env, napi_callback_info info, const CallKind *kind) {
  size_t count = ARG_COUNT;
  napi_value arguments[ARG_COUNT];
  Environment *environment = environmentOf(env);
  Call *call = &environment->sync;
  Message message;
  napi_get_cb_info(env, info, &count, arguments, 0, 0);
  if (!kind->read(env, arguments, call, &message)) return throwRange(env, &message);
  // No JavaScript runs until it ends, so no buffer can go away.
  call->pool.rangeCount = 0;
  const int outcome = poolRun(&call->pool, &environment->scratch);
  blockTrim(&call->lists);
  blockTrim(&call->slots);
  blockTrim(&environment->scratch);
  return number(env, outcome);
}

static napi_value runAsync(napi_env env, napi_callback_info info, const CallKind *kind) {
  size_t count = ARG_COUNT + 1;
  napi_value arguments[ARG_COUNT + 1];
  napi_valuetype type;
  Message message;
  napi_get_cb_info(env, info, &count, arguments, 0, 0);
  if (napi_typeof(env, arguments[kind->callback], &type) != napi_ok || type != napi_function) {
    napi_throw_type_error(env, 0, "native: callback is not a function");
    return 0;
  }
  const double id = asyncStart(environmentOf(env), kind, arguments, &message);
  return id ? number(env, id) : throwRange(env, &message);
}

// attendSync(...), recurSync(...), productSync(...): the outcome
static napi_value attendSync(napi_env env, napi_callback_info info) { return runSync(env, info, &attendCall); }
static napi_value recurSync(napi_env env, napi_callback_info info) { return runSync(env, info, &recurCall); }
static napi_value productSync(napi_env env, napi_callback_info info) { return runSync(env, info, &productCall); }

// attend(..., callback), recur(..., callback), product(..., callback): an id for `cancel`; callback(outcome) on this thread, later
static napi_value attend(napi_env env, napi_callback_info info) { return runAsync(env, info, &attendCall); }
static napi_value recur(napi_env env, napi_callback_info info) { return runAsync(env, info, &recurCall); }
static napi_value product(napi_env env, napi_callback_info info) { return runAsync(env, info, &productCall); }

// rotate(...)
static napi_value rotate(napi_env env, napi_callback_info info) {
  size_t count = ROTATE_ARG_COUNT;
  napi_value arguments[ROTATE_ARG_COUNT];
  Message message;
  napi_get_cb_info(env, info, &count, arguments, 0, 0);
  return rotateRun(env, arguments, &message) ? 0 : throwRange(env, &message);
}

static double numberArgument(napi_env env, napi_value value) {
  double x = 0;
  napi_get_value_double(env, value, &x);
  return x;
}

// cancel(id)
static napi_value cancel(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  napi_get_cb_info(env, info, &count, &argument, 0, 0);
  asyncCancel(environmentOf(env), numberArgument(env, argument));
  return 0;
}

// instructionSets(): [{ name, missing }], best first
static napi_value instructionSets(napi_env env, napi_callback_info info) {
  (void)info;
  int count;
  const Isa *table = isaTable(&count);
  napi_value list;
  napi_create_array(env, &list);
  for (int i = 0; i < count; i++) {
    napi_value entry;
    napi_create_object(env, &entry);
    put(env, entry, "name", text(env, table[i].name));
    if (table[i].missing) put(env, entry, "missing", text(env, table[i].missing));
    napi_set_element(env, list, (uint32_t)i, entry);
  }
  return list;
}

// workspace(isa, rows, D, E, operands, needs): [bytes of a thread's scratch, bytes of a slot]
static napi_value workspace(napi_env env, napi_callback_info info) {
  size_t count = 6;
  napi_value arguments[6], list;
  int isas;
  const Isa *table = isaTable(&isas);
  napi_get_cb_info(env, info, &count, arguments, 0, 0);
  double x[6];
  for (int i = 0; i < 6; i++) x[i] = numberArgument(env, arguments[i]);
  const double mostRows = x[5] >= SCRATCH_GATHERED ? SACCADE_GATHERED_ROWS : SACCADE_ROWS;
  if (!(x[0] >= 0 && x[0] < isas) || table[(int)x[0]].missing || !(x[1] >= 1 && x[1] <= mostRows) ||
      !(x[2] >= 1 && x[2] <= MAX_WIDTH) || !(x[3] >= 1 && x[3] <= MAX_WIDTH) || !(x[4] >= 1 && x[4] <= SACCADE_OPERANDS) ||
      !(x[5] >= 0 && x[5] < 2 * SCRATCH_GATHERED)) {
    napi_throw_range_error(env, 0, "native: workspace of an impossible shape");
    return 0;
  }
  const Kernels *kernels = table[(int)x[0]].kernels;
  const int32_t rows = (int32_t)x[1], D = (int32_t)x[2], E = (int32_t)x[3], operands = (int32_t)x[4], needs = (int32_t)x[5];
  napi_create_array_with_length(env, 2, &list);
  napi_set_element(env, list, 0, number(env, 4.0 * (double)kernels->scratchFloats(rows, D, E, operands, needs)));
  napi_set_element(env, list, 1, number(env, 4.0 * (double)kernels->slotFloats(rows, E)));
  return list;
}

// productLayout(isa): [numbers of a vector, outputs of a group] of packed weights
static napi_value productLayout(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument, list;
  int isas;
  const Isa *table = isaTable(&isas);
  napi_get_cb_info(env, info, &count, &argument, 0, 0);
  const double isa = numberArgument(env, argument);
  if (!(isa >= 0 && isa < isas) || table[(int)isa].missing) {
    napi_throw_range_error(env, 0, "native: layout of an unknown instruction set");
    return 0;
  }
  const ProductKernels *kernels = table[(int)isa].kernels->product;
  napi_create_array_with_length(env, 2, &list);
  napi_set_element(env, list, 0, number(env, kernels->lanes));
  napi_set_element(env, list, 1, number(env, kernels->group));
  return list;
}

// state(): { threads, bytes, calls } of the pool, of all environments, of this one
static napi_value state(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value object;
  napi_create_object(env, &object);
  put(env, object, "threads", number(env, poolThreads()));
  put(env, object, "bytes", number(env, (double)blockTotal()));
  put(env, object, "calls", number(env, asyncCount(environmentOf(env))));
  return object;
}

static void putFunction(napi_env env, napi_value exports, const char *name, napi_callback function) {
  napi_value value;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, 0, &value) == napi_ok) put(env, exports, name, value);
}

static pthread_once_t exitOnce = PTHREAD_ONCE_INIT;
static void watchExit(void) { atexit(poolQuiet); }

NAPI_MODULE_INIT() {
  // process.exit() runs no cleanup hooks: threads may finish their units, but must not call into Node any more.
  pthread_once(&exitOnce, watchExit);
  if (!environmentOpen(env)) return 0;
  putFunction(env, exports, "attendSync", attendSync);
  putFunction(env, exports, "attend", attend);
  putFunction(env, exports, "recurSync", recurSync);
  putFunction(env, exports, "recur", recur);
  putFunction(env, exports, "productSync", productSync);
  putFunction(env, exports, "product", product);
  putFunction(env, exports, "productLayout", productLayout);
  putFunction(env, exports, "rotate", rotate);
  putFunction(env, exports, "cancel", cancel);
  putFunction(env, exports, "instructionSets", instructionSets);
  putFunction(env, exports, "workspace", workspace);
  putFunction(env, exports, "state", state);
  return exports;
}
