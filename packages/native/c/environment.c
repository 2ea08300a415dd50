#include "environment.h"

#include <stdio.h>
#include <stdlib.h>

// Strong references keep the arrays' objects from being collected; their memory may still be transferred away, which
// guard.h and the check at delivery deal with.
struct AsyncCall {
  Call call; // the first member: a PoolCall is a Call is an AsyncCall
  Environment *environment;
  napi_ref references[ARRAYS], callback;
  double id;
  AsyncCall *before, *after;
};

// --- on threads of the pool ---

static void onEnded(PoolCall *pool) {
  AsyncCall *call = (AsyncCall *)pool;
  Environment *environment = call->environment;
  // Under the lock: an environment that closes waits until nobody is in here.
  pthread_mutex_lock(&environment->lock);
  napi_call_threadsafe_function(environment->deliver, call, napi_tsfn_nonblocking);
  environment->running--;
  pthread_cond_broadcast(&environment->idle);
  pthread_mutex_unlock(&environment->lock);
}

// --- on the environment's own thread ---

static void link_(Environment *environment, AsyncCall *call) {
  call->before = 0;
  call->after = environment->calls;
  if (call->after) call->after->before = call;
  environment->calls = call;
}

static void unlink_(AsyncCall *call) {
  if (call->after) call->after->before = call->before;
  if (call->before) call->before->after = call->after;
  else call->environment->calls = call->after;
}

static void release(napi_env env, AsyncCall *call) {
  for (int i = 0; i < ARRAYS; i++)
    if (call->references[i]) napi_delete_reference(env, call->references[i]);
  if (call->callback) napi_delete_reference(env, call->callback);
  callFree(&call->call);
  free(call);
}

static int intact(napi_env env, const AsyncCall *call) {
  for (int i = 0; i < ARRAYS; i++) {
    napi_value value;
    if (!call->references[i]) continue;
    if (napi_get_reference_value(env, call->references[i], &value) != napi_ok || !value) return 0;
    if (!callArrayIntact(env, value, &call->call.arrays[i])) return 0;
  }
  return 1;
}

static int outcomeOf(napi_env env, AsyncCall *call) {
  const int outcome = atomic_load(&call->call.pool.outcome);
  return outcome == CALL_DONE && !intact(env, call) ? CALL_VANISHED : outcome;
}

static void deliver(napi_env env, napi_value unused, void *context, void *data) {
  (void)unused;
  (void)context;
  // Without an environment it is being torn down: environmentFree finds the call in its list.
  if (!env) return;
  AsyncCall *call = data;
  Environment *environment = call->environment;
  napi_value callback = 0, receiver, outcome, result;
  napi_get_reference_value(env, call->callback, &callback);
  napi_get_undefined(env, &receiver);
  napi_create_int32(env, outcomeOf(env, call), &outcome);
  unlink_(call);
  release(env, call);
  // A process may end when nothing is in flight.
  if (!environment->calls) napi_unref_threadsafe_function(env, environment->deliver);
  if (callback) napi_call_function(env, receiver, callback, 1, &outcome, &result);
}

// Runs before the environment's threadsafe function is taken down, because it was registered after that was made.
static void onClose(void *data) {
  Environment *environment = data;
  for (AsyncCall *call = environment->calls; call; call = call->after) poolCancel(&call->call.pool);
  pthread_mutex_lock(&environment->lock);
  while (environment->running > 0) pthread_cond_wait(&environment->idle, &environment->lock);
  pthread_mutex_unlock(&environment->lock);
}

static void environmentFree(napi_env env, void *data, void *unused) {
  (void)unused;
  Environment *environment = data;
  while (environment->calls) {
    AsyncCall *call = environment->calls;
    unlink_(call);
    release(env, call);
  }
  callFree(&environment->sync);
  blockFree(&environment->scratch);
  pthread_cond_destroy(&environment->idle);
  pthread_mutex_destroy(&environment->lock);
  free(environment);
  poolLeave();
}

static int makeDeliver(Environment *environment) {
  napi_env env = environment->env;
  napi_value name;
  return napi_create_string_utf8(env, "saccade", NAPI_AUTO_LENGTH, &name) == napi_ok &&
         napi_create_threadsafe_function(env, 0, 0, name, 0, 1, 0, 0, environment, deliver, &environment->deliver) ==
             napi_ok &&
         napi_unref_threadsafe_function(env, environment->deliver) == napi_ok &&
         napi_add_env_cleanup_hook(env, onClose, environment) == napi_ok;
}

Environment *environmentOpen(napi_env env) {
  Environment *environment = calloc(1, sizeof *environment);
  if (!environment) {
    napi_throw_error(env, 0, "native: memory is exhausted");
    return 0;
  }
  environment->env = env;
  pthread_mutex_init(&environment->lock, 0);
  pthread_cond_init(&environment->idle, 0);
  poolEnter();
  if (napi_set_instance_data(env, environment, environmentFree, 0) != napi_ok || !makeDeliver(environment)) {
    napi_throw_error(env, 0, "native: the environment cannot be set up");
    return 0;
  }
  return environment;
}

static int refer(napi_env env, const CallKind *kind, const napi_value *arguments, AsyncCall *call) {
  for (int i = 0; i < kind->arrays; i++)
    if (call->call.arrays[i].data &&
        napi_create_reference(env, arguments[kind->firstArray + i], 1, &call->references[i]) != napi_ok)
      return 0;
  return napi_create_reference(env, arguments[kind->callback], 1, &call->callback) == napi_ok;
}

static int start(Environment *environment, AsyncCall *call) {
  call->call.pool.ended = onEnded;
  pthread_mutex_lock(&environment->lock);
  environment->running++;
  pthread_mutex_unlock(&environment->lock);
  if (poolStart(&call->call.pool)) return 1;
  pthread_mutex_lock(&environment->lock);
  environment->running--;
  pthread_mutex_unlock(&environment->lock);
  return 0;
}

static double failed(Environment *environment, AsyncCall *call, Message *message, const char *why) {
  if (why) snprintf(message->text, sizeof message->text, "%s", why);
  release(environment->env, call);
  return 0;
}

double asyncStart(Environment *environment, const CallKind *kind, const napi_value *arguments, Message *message) {
  napi_env env = environment->env;
  AsyncCall *call = calloc(1, sizeof *call);
  if (!call) {
    snprintf(message->text, sizeof message->text, "memory is exhausted");
    return 0;
  }
  call->environment = environment;
  if (!kind->read(env, arguments, &call->call, message)) return failed(environment, call, message, 0);
  if (!guardInstall()) return failed(environment, call, message, "no handler for memory faults can be installed");
  if (!refer(env, kind, arguments, call)) return failed(environment, call, message, "the arrays cannot be held");
  const int first = !environment->calls;
  call->id = ++environment->lastId;
  link_(environment, call);
  if (!start(environment, call)) {
    unlink_(call);
    return failed(environment, call, message, "no thread can be started");
  }
  if (first) napi_ref_threadsafe_function(env, environment->deliver);
  return call->id;
}

void asyncCancel(Environment *environment, double id) {
  for (AsyncCall *call = environment->calls; call; call = call->after)
    if (call->id == id) {
      poolCancel(&call->call.pool);
      return;
    }
}

int asyncCount(const Environment *environment) {
  int count = 0;
  for (const AsyncCall *call = environment->calls; call; call = call->after) count++;
  return count;
}
