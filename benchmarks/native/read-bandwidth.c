// How fast the machine reads memory: `read-bandwidth BYTES THREADS` fills that much memory, then answers every line on
// standard input with the milliseconds that one pass over all of it took, each thread reading a part of its own. With a third
// argument, `update`, every number is read and written back.
// Several ways of reading are tried first, and the fastest is used: the number is meant to be hard to reach.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef uint64_t Lanes __attribute__((vector_size(32)));

enum { MAX_THREADS = 256, WAYS = 4, UPDATE_WAYS = 2 };

static Lanes *memory;
static size_t lanesPerThread;
static int threads, way, updates;
static pthread_barrier_t begin, end;
static uint64_t sinks[MAX_THREADS * 8];

// `streams` places at once, `ahead` lanes of software prefetch (0: none).
static inline __attribute__((always_inline)) uint64_t sum(const Lanes *p, size_t count, size_t streams, size_t ahead) {
  Lanes totals[4] = {{0}};
  const size_t stretch = count / streams;
  for (size_t i = 0; i + 4 <= stretch; i += 4) {
    for (size_t s = 0; s < streams; s++) {
      const Lanes *q = p + s * stretch + i;
      if (ahead) {
        __builtin_prefetch(q + ahead);
        __builtin_prefetch(q + ahead + 2);
      }
      for (int j = 0; j < 4; j++) totals[j] += q[j];
    }
  }
  const Lanes total = totals[0] + totals[1] + totals[2] + totals[3];
  return total[0] + total[1] + total[2] + total[3];
}

// Reads and writes in place.
static inline __attribute__((always_inline)) void update(Lanes *p, size_t count, size_t ahead) {
  const Lanes one = {1, 1, 1, 1};
  for (size_t i = 0; i + 4 <= count; i += 4) {
    if (ahead) {
      __builtin_prefetch(p + i + ahead, 1);
      __builtin_prefetch(p + i + ahead + 2, 1);
    }
    for (int j = 0; j < 4; j++) p[i + j] += one;
  }
}

static void usePart(int thread) {
  if (updates) {
    Lanes *part = memory + (size_t)thread * lanesPerThread;
    if (way) update(part, lanesPerThread, 64);
    else update(part, lanesPerThread, 0);
    return;
  }
  const Lanes *p = memory + (size_t)thread * lanesPerThread;
  uint64_t total = 0;
  switch (way) {
  case 0: total = sum(p, lanesPerThread, 1, 0); break;
  case 1: total = sum(p, lanesPerThread, 1, 64); break;
  case 2: total = sum(p, lanesPerThread, 4, 0); break;
  case 3: total = sum(p, lanesPerThread, 4, 32); break;
  }
  sinks[thread * 8] += total;
}

static void *work(void *argument) {
  const int thread = (int)(intptr_t)argument;
  for (;;) {
    pthread_barrier_wait(&begin);
    usePart(thread);
    pthread_barrier_wait(&end);
  }
  return NULL;
}

static double pass(void) {
  struct timespec from, to;
  clock_gettime(CLOCK_MONOTONIC, &from);
  pthread_barrier_wait(&begin);
  usePart(0);
  pthread_barrier_wait(&end);
  clock_gettime(CLOCK_MONOTONIC, &to);
  return (double)(to.tv_sec - from.tv_sec) * 1e3 + (double)(to.tv_nsec - from.tv_nsec) * 1e-6;
}

int main(int argc, char **argv) {
  if (argc != 3 && argc != 4) return 2;
  updates = argc == 4;
  const int ways = updates ? UPDATE_WAYS : WAYS;
  const size_t bytes = strtoull(argv[1], NULL, 10);
  threads = atoi(argv[2]);
  if (threads < 1 || threads > MAX_THREADS) return 2;
  lanesPerThread = bytes / sizeof(Lanes) / (size_t)threads;
  memory = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (!memory) return 3;
  // Not zero: unwritten pages would all be one page of the cache.
  memset(memory, 1, bytes);
  pthread_barrier_init(&begin, NULL, (unsigned)threads);
  pthread_barrier_init(&end, NULL, (unsigned)threads);
  for (int thread = 1; thread < threads; thread++) {
    pthread_t id;
    if (pthread_create(&id, NULL, work, (void *)(intptr_t)thread)) return 3;
  }
  double times[WAYS];
  int best = 0;
  for (way = 0; way < ways; way++) {
    times[way] = pass();
    for (int again = 0; again < 4; again++) {
      const double ms = pass();
      if (ms < times[way]) times[way] = ms;
    }
    if (times[way] < times[best]) best = way;
  }
  way = best;
  printf("ready %d\n", way);
  fflush(stdout);
  for (int c; (c = getchar()) != EOF;) {
    if (c != '\n') continue;
    printf("%.6f\n", pass());
    fflush(stdout);
  }
  return sinks[0] == 42;
}
