// The pool and the kernels without Node, to run under ThreadSanitizer or AddressSanitizer: several threads submit
// synchronous and asynchronous calls at once and cancel some; every finished result must have the bits of one thread.
//
//   pool-harness THREADS ROUNDS
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bounds.h"
#include "isa.h"
#include "kernels.h"
#include "pool.h"

enum { B = 1, H = 4, G = 2, N = 96, M = 200, D = 20, E = 12, HEADS = H / G, BLOCK = 16, MAX_UNITS = 64 };

typedef struct {
  float q[H * N * D], k[G * M * D], v[G * M * E], out[H * N * E], lse[H * N];
  float *slots;
  int32_t joins[MAX_UNITS], offset[B], length[B];
  Task tasks[N / BLOCK];
  Unit units[MAX_UNITS];
  PoolCall call;
  Job job;
  const Kernels *kernels;
  pthread_mutex_t lock;
  pthread_cond_t ended;
  int over;
} Work;

static const Reach causal = {.back = INT32_MAX};

static float random_(unsigned *state) {
  *state = *state * 1664525u + 1013904223u;
  return (float)(*state >> 8) / 8388608.0f - 1.0f;
}

static void onEnded(PoolCall *call) {
  Work *work = (Work *)((char *)call - offsetof(Work, call));
  pthread_mutex_lock(&work->lock);
  work->over = 1;
  pthread_cond_signal(&work->ended);
  pthread_mutex_unlock(&work->lock);
}

static void runUnit(const PoolCall *call, int unit, float *scratch) {
  const Work *work = (const Work *)((const char *)call - offsetof(Work, call));
  Job job = work->job;
  job.scratch = scratch;
  job.next = unit;
  work->kernels->run(&job, 0, 1);
}

// Blocks of rows; with `parts` every unit is split over its keys.
static void makeUnits(Work *work, int parts) {
  int count = 0;
  for (int block = 0; block < N / BLOCK; block++)
    work->tasks[block] = (Task){
        .rowStart = block * BLOCK, .rowCount = BLOCK, .rowStride = 1,
        .keyCount = M, .keyStride = 1, .rowIndex = -1, .keyIndex = -1,
        .flags = TASK_PARTIAL | TASK_FINISH,
    };
  const int blocks = parts > 1 ? 2 : N / BLOCK;
  for (int g = 0; g < G; g++)
    for (int block = 0; block < blocks; block++)
      for (int part = 0; part < parts; part++) {
        const int lo = M * part / parts, hi = M * (part + 1) / parts, join = g * blocks + block;
        work->units[count++] =
            (Unit){0, g * HEADS, HEADS, g, block, 1, lo, hi, part, parts, parts > 1 ? join * parts + part : 0, join};
      }
  work->job.unitCount = work->call.unitCount = count;
}

static void makeJob(Work *work, const Kernels *kernels, unsigned seed, int parts) {
  unsigned state = seed;
  for (int i = 0; i < H * N * D; i++) work->q[i] = random_(&state);
  for (int i = 0; i < G * M * D; i++) work->k[i] = random_(&state);
  for (int i = 0; i < G * M * E; i++) work->v[i] = random_(&state);
  memset(work->out, 0, sizeof work->out);
  memset(work->joins, 0, sizeof work->joins);
  work->offset[0] = M - N;
  work->length[0] = M;
  makeUnits(work, parts);
  Job *job = &work->job;
  const int count = job->unitCount;
  *job = (Job){.q = {work->q}, .k = work->k, .v = work->v, .out = work->out, .lse = work->lse};
  job->unitCount = count;
  job->queryOffset = work->offset;
  job->keyLength = work->length;
  job->tasks = work->tasks;
  job->units = work->units;
  job->joins = work->joins;
  job->qH = N * D, job->qN = D, job->kH = M * D, job->kN = D, job->vH = M * E, job->vN = E;
  job->outH = N * E, job->outN = E, job->lseB = H * N, job->lseH = N;
  job->reaches = &causal;
  job->D = D, job->E = E, job->operands = 1, job->keyHi = M;
  job->phase = JOB_BEGIN | JOB_END;
  job->scale = 0.25f;
  job->slotFloats = kernels->slotFloats(BLOCK * HEADS, E);
  free(work->slots);
  work->slots = parts > 1 ? aligned_alloc(64, (size_t)(count * job->slotFloats) * sizeof(float)) : 0;
  job->slots = work->slots;
  job->scratchFloats = kernels->scratchFloats(BLOCK * HEADS, D, E, 1, scratch_needs(job));
  work->kernels = kernels;
  work->call.run = runUnit;
  work->call.scratchBytes = (size_t)job->scratchFloats * sizeof(float);
  work->call.rangeCount = 0;
}

static void waitFor(Work *work) {
  pthread_mutex_lock(&work->lock);
  while (!work->over) pthread_cond_wait(&work->ended, &work->lock);
  pthread_mutex_unlock(&work->lock);
}

static int runOnce(Work *work, Block *scratch, int threads, int async, int cancel) {
  work->call.threads = threads;
  if (!async) return poolRun(&work->call, scratch);
  work->over = 0;
  work->call.ended = onEnded;
  if (!poolStart(&work->call)) return -1;
  if (cancel) poolCancel(&work->call);
  waitFor(work);
  return atomic_load(&work->call.outcome);
}

typedef struct {
  int index, rounds, failures;
} Submitter;

static void checkRound(Submitter *submitter, Work *work, Block *scratch, int round, const Kernels *kernels) {
  static const int splits[3] = {1, 3, 5};
  const unsigned seed = (unsigned)(submitter->index * 7919 + round);
  const int parts = splits[round % 3], cancel = round % 5 == 4;
  float expected[H * N * E];
  makeJob(work, kernels, seed, parts);
  if (runOnce(work, scratch, 1, 0, 0) != CALL_DONE) submitter->failures++;
  memcpy(expected, work->out, sizeof expected);
  makeJob(work, kernels, seed, parts);
  const int outcome = runOnce(work, scratch, 2 + round % 3, round & 1, cancel && (round & 1));
  if (outcome == CALL_CANCELLED && cancel) return;
  if (outcome == CALL_DONE && memcmp(expected, work->out, sizeof expected) == 0) return;
  printf("%s, %d parts, asynchronous %d: outcome %d\n", kernels->name, parts, round & 1, outcome);
  submitter->failures++;
}

static void *submit(void *argument) {
  Submitter *submitter = argument;
  int isas;
  const Isa *table = isaTable(&isas);
  Work *work = calloc(1, sizeof *work);
  Block scratch = {0, 0};
  pthread_mutex_init(&work->lock, 0);
  pthread_cond_init(&work->ended, 0);
  poolEnter();
  for (int round = 0; round < submitter->rounds; round++)
    for (int i = 0; i < isas; i++)
      if (!table[i].missing) checkRound(submitter, work, &scratch, round, table[i].kernels);
  poolLeave();
  blockFree(&scratch);
  free(work->slots);
  free(work);
  return 0;
}

// Keys whose memory is gone: the call ends as vanished, and the process lives.
static int vanish(void) {
  int isas, failures = 0;
  const Isa *table = isaTable(&isas);
  Work *work = calloc(1, sizeof *work);
  pthread_mutex_init(&work->lock, 0);
  pthread_cond_init(&work->ended, 0);
  poolEnter();
  for (int i = 0; i < isas; i++) {
    if (table[i].missing) continue;
    makeJob(work, table[i].kernels, 1, 1);
    // Not unmapped in fact: a new thread's stack could take its place.
    float *gone = mmap(0, sizeof work->k, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    work->job.k = gone;
    work->call.ranges[0] = (Range){gone, sizeof work->k};
    work->call.rangeCount = 1;
    if (!guardInstall() || runOnce(work, 0, 2, 1, 0) != CALL_VANISHED) {
      printf("%s: a fault was not noticed\n", table[i].name);
      failures++;
    }
    munmap(gone, sizeof work->k);
  }
  poolLeave();
  free(work);
  return failures;
}

int main(int argc, char **argv) {
  const int count = argc > 1 ? atoi(argv[1]) : 4, rounds = argc > 2 ? atoi(argv[2]) : 100;
  pthread_t threads[32];
  Submitter submitters[32];
  int failures = vanish();
  for (int i = 0; i < count && i < 32; i++) {
    submitters[i] = (Submitter){i, rounds, 0};
    pthread_create(&threads[i], 0, submit, &submitters[i]);
  }
  for (int i = 0; i < count && i < 32; i++) {
    pthread_join(threads[i], 0);
    failures += submitters[i].failures;
  }
  if (blockTotal() != 0) failures++;
  printf("%d threads, %d rounds, %d failures\n", count, rounds, failures);
  return failures != 0;
}
