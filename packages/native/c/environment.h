// One environment of Node (its main thread or a worker): asynchronous calls in flight, and what synchronous calls keep.
#ifndef SACCADE_ENVIRONMENT_H
#define SACCADE_ENVIRONMENT_H

#include <pthread.h>

#include "call.h"

typedef struct AsyncCall AsyncCall;

typedef struct {
  napi_env env;
  Call sync;     // its blocks are kept from call to call
  Block scratch; // of this thread, which takes part in synchronous calls
  napi_threadsafe_function deliver;
  AsyncCall *calls; // not yet delivered
  double lastId;
  pthread_mutex_t lock;
  pthread_cond_t idle;
  int running; // calls that pool threads may still report, by lock
} Environment;

// Null, with a JavaScript error pending, when it cannot be made.
Environment *environmentOpen(napi_env env);

// Hands a call to the pool. Returns its id, or 0 with a message.
double asyncStart(Environment *environment, const CallKind *kind, const napi_value *arguments, Message *message);
void asyncCancel(Environment *environment, double id);
int asyncCount(const Environment *environment);

#endif
