// The threads that run calls: one pool for the process, shared by all environments (worker threads) of Node.
//
// A call is a list of units. Threads take a seat in a call, then units from its counter until none is left. Several
// calls run at the same time; a thread moves on after a unit when another call has no thread at all. Who computes a
// unit never changes its bits, so neither does the number of threads.
#ifndef SACCADE_POOL_H
#define SACCADE_POOL_H

#include <stdatomic.h>

#include "guard.h"
#include "memory.h"

enum { POOL_MAX_THREADS = 256, CALL_RANGES = 16 };

// How a call ended.
enum { CALL_DONE = 0, CALL_CANCELLED = 1, CALL_VANISHED = 2, CALL_NO_MEMORY = 3 };

typedef struct PoolCall PoolCall;
struct PoolCall {
  void (*run)(const PoolCall *call, int unit, float *scratch);
  int unitCount;
  size_t scratchBytes;
  int threads;               // that may work on it at once, a synchronous caller included
  Range ranges[CALL_RANGES]; // guarded while units run
  int rangeCount;
  // Called once when the call ends, by the thread that ended it, which does not touch the call afterwards.
  void (*ended)(PoolCall *call);

  // The pool's own.
  atomic_int next;    // the next unit
  atomic_int outcome; // CALL_DONE, or why no more units are taken
  atomic_int over;
  int seats, active, queued;
  PoolCall *after;
};

// An environment uses the pool. The last one to leave ends the threads.
void poolEnter(void);
void poolLeave(void);

// Runs a call to its end on this thread and the pool's; `own` is this thread's scratch.
int poolRun(PoolCall *call, Block *own);

// Hands a call to the pool and returns. 0 when it has no thread and cannot start one.
int poolStart(PoolCall *call);

// The call takes no more units; it ends when the running ones have.
void poolCancel(PoolCall *call);

// From now on nobody is told that a call ended: the process exits.
void poolQuiet(void);

int poolThreads(void);

#endif
