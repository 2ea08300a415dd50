#include "pool.h"

#include <pthread.h>
#include <signal.h>

#if defined(__x86_64__)
#define PAUSE() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define PAUSE() __asm__ volatile("yield")
#else
#define PAUSE() ((void)0)
#endif

// Turns of PAUSE before a thread without work sleeps: tens of microseconds, so that a loop of short calls finds it awake.
enum { SPINS = 2000 };

// Threads hold scratch and little else.
enum { STACK_BYTES = 1 << 20 };

static struct {
  pthread_mutex_t lock;
  pthread_cond_t work; // a call was queued, or the threads should end
  pthread_cond_t over; // a call ended that somebody waits for
  pthread_t threads[POOL_MAX_THREADS];
  int threadCount, sleeping, ending;
  PoolCall *first, *last; // calls with a free seat and units left
  atomic_int queued;      // how many these are
  atomic_int starving;    // how many of them no thread works on
  atomic_int quiet;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER, .over = PTHREAD_COND_INITIALIZER};

// Held while threads are joined, so that an environment that enters meanwhile starts new ones afterwards.
static pthread_mutex_t lifeLock = PTHREAD_MUTEX_INITIALIZER;
static int environments;

// --- the queue; every function up to the next line expects the lock to be held ---

static void countStarving(void) {
  int starving = 0;
  for (const PoolCall *call = pool.first; call; call = call->after) starving += call->active == 0;
  atomic_store(&pool.starving, starving);
}

static void enqueue(PoolCall *call) {
  call->after = 0;
  call->queued = 1;
  if (pool.last) pool.last->after = call;
  else pool.first = call;
  pool.last = call;
  atomic_fetch_add(&pool.queued, 1);
}

static void dequeue(PoolCall *call) {
  PoolCall **at = &pool.first, *before = 0;
  while (*at != call) {
    before = *at;
    at = &before->after;
  }
  *at = call->after;
  if (pool.last == call) pool.last = before;
  call->queued = 0;
  atomic_fetch_sub(&pool.queued, 1);
}

static int exhausted(PoolCall *call) {
  return atomic_load(&call->next) >= call->unitCount || atomic_load(&call->outcome) != CALL_DONE;
}

static void takeSeat(PoolCall *call) {
  call->active++;
  if (--call->seats <= 0 && call->queued) dequeue(call);
  countStarving();
}

// 1 when the call ended with this.
static int leaveSeat(PoolCall *call) {
  call->active--;
  call->seats++;
  const int left = !exhausted(call);
  if (call->queued) dequeue(call);
  if (left) enqueue(call);
  countStarving();
  return !left && call->active == 0;
}

// -------------------------------------------------------------------------------------------------------------------

static void end(PoolCall *call) {
  if (call->ended) {
    if (!atomic_load(&pool.quiet)) call->ended(call);
    return;
  }
  pthread_mutex_lock(&pool.lock);
  atomic_store(&call->over, 1); // the last touch: a waiter that spins returns now, and the call is gone
  pthread_cond_broadcast(&pool.over);
  pthread_mutex_unlock(&pool.lock);
}

typedef struct {
  const PoolCall *call;
  int unit;
  float *scratch;
} UnitRun;

static void runUnit(void *argument) {
  const UnitRun *run = argument;
  run->call->run(run->call, run->unit, run->scratch);
}

static void stop(PoolCall *call, int outcome) {
  int none = CALL_DONE;
  atomic_compare_exchange_strong(&call->outcome, &none, outcome);
}

// Takes units until none is left, or until another call has no thread and this one may move.
static void takeUnits(PoolCall *call, Block *scratch, int mayMove) {
  UnitRun unit = {call, 0, blockNeed(scratch, call->scratchBytes)};
  if (!unit.scratch) {
    stop(call, CALL_NO_MEMORY);
    return;
  }
  while (atomic_load(&call->outcome) == CALL_DONE) {
    unit.unit = atomic_fetch_add(&call->next, 1);
    if (unit.unit >= call->unitCount) break;
    if (call->rangeCount == 0) runUnit(&unit);
    else if (!guardRun(call->ranges, call->rangeCount, runUnit, &unit)) stop(call, CALL_VANISHED);
    if (mayMove && atomic_load(&pool.starving) > 0) break;
  }
}

// With the lock held: a call to work on, or null when the pool ends.
static PoolCall *nextCall(void) {
  for (;;) {
    if (pool.first) return pool.first;
    if (pool.ending) return 0;
    pthread_mutex_unlock(&pool.lock);
    for (int spin = 0; spin < SPINS && atomic_load(&pool.queued) == 0; spin++) PAUSE();
    pthread_mutex_lock(&pool.lock);
    if (pool.first || pool.ending) continue;
    pool.sleeping++;
    pthread_cond_wait(&pool.work, &pool.lock);
    pool.sleeping--;
  }
}

static void *threadMain(void *unused) {
  (void)unused;
  Block scratch = {0, 0};
  pthread_mutex_lock(&pool.lock);
  for (PoolCall *call = nextCall(); call; call = nextCall()) {
    takeSeat(call);
    pthread_mutex_unlock(&pool.lock);
    takeUnits(call, &scratch, 1);
    pthread_mutex_lock(&pool.lock);
    const int ended = leaveSeat(call);
    pthread_mutex_unlock(&pool.lock);
    blockTrim(&scratch);
    if (ended) end(call);
    pthread_mutex_lock(&pool.lock);
  }
  pthread_mutex_unlock(&pool.lock);
  blockFree(&scratch);
  return 0;
}

// Signals are for the threads of Node; only faults of a thread's own reach it.
static void blockSignals(sigset_t *before) {
  sigset_t all;
  sigfillset(&all);
  sigdelset(&all, SIGSEGV);
  sigdelset(&all, SIGBUS);
  sigdelset(&all, SIGFPE);
  sigdelset(&all, SIGILL);
  pthread_sigmask(SIG_SETMASK, &all, before);
}

// With the lock held.
static void growTo(int count) {
  if (count > POOL_MAX_THREADS) count = POOL_MAX_THREADS;
  if (pool.threadCount >= count) return;
  sigset_t before;
  pthread_attr_t attributes;
  blockSignals(&before);
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, STACK_BYTES);
  while (pool.threadCount < count) {
    if (pthread_create(&pool.threads[pool.threadCount], &attributes, threadMain, 0) != 0) break;
    pool.threadCount++;
  }
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, 0);
}

static void open(PoolCall *call) {
  atomic_init(&call->next, 0);
  atomic_init(&call->outcome, CALL_DONE);
  atomic_init(&call->over, 0);
  call->active = 0;
  call->queued = 0;
  call->seats = call->threads < call->unitCount ? call->threads : call->unitCount;
  if (call->seats < 1) call->seats = 1;
}

// With the lock held: wakes as many sleepers as the call has seats.
static void wake(int seats) {
  for (int i = 0; i < seats && i < pool.sleeping; i++) pthread_cond_signal(&pool.work);
}

int poolStart(PoolCall *call) {
  open(call);
  pthread_mutex_lock(&pool.lock);
  growTo(call->seats);
  const int possible = pool.threadCount > 0;
  if (possible) {
    enqueue(call);
    countStarving();
    wake(call->seats);
  }
  pthread_mutex_unlock(&pool.lock);
  return possible;
}

static void waitFor(PoolCall *call) {
  for (int spin = 0; spin < SPINS; spin++) {
    if (atomic_load(&call->over)) return;
    PAUSE();
  }
  pthread_mutex_lock(&pool.lock);
  while (!atomic_load(&call->over)) pthread_cond_wait(&pool.over, &pool.lock);
  pthread_mutex_unlock(&pool.lock);
}

int poolRun(PoolCall *call, Block *own) {
  call->ended = 0;
  open(call);
  if (call->seats == 1) {
    takeUnits(call, own, 0);
    return atomic_load(&call->outcome);
  }
  pthread_mutex_lock(&pool.lock);
  growTo(call->seats - 1);
  takeSeat(call);
  enqueue(call);
  wake(call->seats);
  pthread_mutex_unlock(&pool.lock);
  takeUnits(call, own, 0);
  pthread_mutex_lock(&pool.lock);
  const int ended = leaveSeat(call);
  pthread_mutex_unlock(&pool.lock);
  if (!ended) waitFor(call);
  return atomic_load(&call->outcome);
}

void poolCancel(PoolCall *call) {
  stop(call, CALL_CANCELLED);
  pthread_mutex_lock(&pool.lock);
  // Nobody works on it: nobody would notice.
  const int ended = call->queued && call->active == 0;
  if (ended) dequeue(call);
  countStarving();
  pthread_mutex_unlock(&pool.lock);
  if (ended) end(call);
}

void poolQuiet(void) { atomic_store(&pool.quiet, 1); }

int poolThreads(void) {
  pthread_mutex_lock(&pool.lock);
  const int count = pool.threadCount;
  pthread_mutex_unlock(&pool.lock);
  return count;
}

void poolEnter(void) {
  pthread_mutex_lock(&lifeLock);
  environments++;
  pthread_mutex_unlock(&lifeLock);
}

static void joinThreads(void) {
  pthread_mutex_lock(&pool.lock);
  const int count = pool.threadCount;
  pool.ending = 1;
  pthread_cond_broadcast(&pool.work);
  pthread_mutex_unlock(&pool.lock);
  for (int i = 0; i < count; i++) pthread_join(pool.threads[i], 0);
  pthread_mutex_lock(&pool.lock);
  pool.threadCount = 0;
  pool.ending = 0;
  pthread_mutex_unlock(&pool.lock);
}

void poolLeave(void) {
  pthread_mutex_lock(&lifeLock);
  if (--environments == 0) joinThreads();
  pthread_mutex_unlock(&lifeLock);
}
