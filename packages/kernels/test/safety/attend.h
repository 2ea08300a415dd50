// Runs a plan through the kernels as a runtime would: exact buffers, NaN in all scratch and state, keys at once or in
// panels that pass by, one thread or several.
#ifndef SACCADE_TEST_ATTEND_H
#define SACCADE_TEST_ATTEND_H

#include "../../c/kernels.h"
#include "plan.h"
#include "stage.h"
#include <pthread.h>

// How a job is run; what it computes must not depend on it beyond rounding.
typedef struct {
  int panels;  // 1: all keys at once
  int threads; // scratch areas, used in any order
  int truly;   // by threads of their own
} Manner;

// Results of the rows [from, to): out [B][H][to - from][E] and lse with the strides of `out` and of `lse`.
typedef struct {
  Staged out, lse;
  int hasLse;
} Results;

typedef struct {
  const Kernels *kernels;
  Job *job;
  int thread;
} Worker;

static void *worker_run(void *data) {
  Worker *worker = data;
  if (!worker->kernels->run(worker->job, worker->thread, INT32_MAX)) abort();
  return 0;
}

static void fill_nan(float *floats, ptrdiff_t count) { memset(floats, 0xff, (size_t)count * sizeof(float)); }

// Until no unit is left.
static void job_run(Random *random, const Kernels *kernels, Job *job, Manner manner) {
  fill_nan(job->scratch, manner.threads * job->scratchFloats);
  job->next = 0;
  if (manner.truly) {
    pthread_t threads[4];
    Worker workers[4];
    for (int t = 0; t < manner.threads; t++) {
      workers[t] = (Worker){kernels, job, t};
      if (pthread_create(threads + t, 0, worker_run, workers + t)) exit(2);
    }
    for (int t = 0; t < manner.threads; t++) pthread_join(threads[t], 0);
    return;
  }
  for (;;) {
    const int thread = random_int(random, 0, manner.threads - 1);
    if (kernels->run(job, thread, random_int(random, 0, 3))) return;
    // What one call leaves in scratch, the next must not need.
    fill_nan(job->scratch + thread * job->scratchFloats, job->scratchFloats);
  }
}

static void job_pairs(Buffers *buffers, Random *random, const Problem *p, Job *job, int from, int to, int lo, int hi) {
  if (p->biasTerm.given) {
    const Staged at = stage_pairs(buffers, random, p, p->biasTerm, p->bias, sizeof(float), from, to, lo, hi);
    job->bias = (const float *)at.data, job->biasB = at.b, job->biasH = at.h, job->biasN = at.n;
  }
  if (p->maskTerm.given) {
    const Staged at = stage_pairs(buffers, random, p, p->maskTerm, p->mask, 1, from, to, lo, hi);
    job->mask = at.data, job->maskB = at.b, job->maskH = at.h, job->maskN = at.n;
  }
}

// Keys [lo, hi) as they are stored.
static void job_keys(Buffers *buffers, Random *random, const Problem *p, Job *job, int lo, int hi,
                     const uint8_t *needed) {
  const Staged k = stage_keys(buffers, random, p, &p->k, lo, hi, needed);
  const Staged v = stage_keys(buffers, random, p, &p->v, lo, hi, needed);
  job->k = k.data, job->kB = k.b, job->kH = k.h, job->kN = k.n;
  job->v = v.data, job->vB = v.b, job->vH = v.h, job->vN = v.n;
  if (p->k.type == STORED_I8) {
    const Staged factors = stage_factors(buffers, random, p, &p->k, lo, hi, needed);
    job->kScale = (const float *)factors.data, job->kScaleB = factors.b, job->kScaleH = factors.h;
  }
  if (p->v.type == STORED_I8) {
    const Staged factors = stage_factors(buffers, random, p, &p->v, lo, hi, needed);
    job->vScale = (const float *)factors.data, job->vScaleB = factors.b, job->vScaleH = factors.h;
  }
}

// Everything of a job but its keys.
static Job job_open(Buffers *buffers, Random *random, const Kernels *kernels, const Problem *p, const Plan *plan,
                    int from, int to, Manner manner, const Results *results) {
  Staged q[SACCADE_OPERANDS];
  stage_queries(buffers, random, p, from, to, q);
  Job job = {.out = (float *)results->out.data,
             .lse = results->hasLse ? (float *)results->lse.data : 0,
             .tasks = copy_exactly(buffers, random, plan->tasks, plan->taskCount * sizeof(Task)),
             .units = copy_exactly(buffers, random, plan->units, plan->unitCount * sizeof(Unit)),
             .reaches = copy_exactly(buffers, random, p->reaches, p->reachCount * sizeof(Reach)),
             .qB = q->b, .qH = q->h, .qN = q->n,
             .outB = results->out.b, .outH = results->out.h, .outN = results->out.n,
             .lseB = results->lse.b, .lseH = results->lse.h,
             .D = p->D, .E = p->E, .operands = p->operands, .rowBase = from,
             .keyType = p->k.type, .valueType = p->v.type,
             .gathered = plan->gathered, .unitCount = plan->unitCount, .scale = p->scale, .softcap = p->softcap};
  for (int o = 0; o < p->operands; o++) job.q[o] = (const float *)q[o].data;
  if (plan->indexCount > 0) job.indices = copy_exactly(buffers, random, plan->indices, plan->indexCount * sizeof(int32_t));
  if (p->maskProgram.given) job.maskProgram = stage_program(buffers, random, &p->maskProgram);
  if (p->scoreProgram.given) job.scoreProgram = stage_program(buffers, random, &p->scoreProgram);
  if (p->hasOffset) job.queryOffset = copy_exactly(buffers, random, p->offset, p->B * sizeof(int32_t));
  if (p->hasLength) job.keyLength = copy_exactly(buffers, random, p->length, p->B * sizeof(int32_t));
  else { // The kernels know a tensor's end only by its lengths.
    int32_t lengths[4] = {p->M, p->M, p->M, p->M};
    job.keyLength = copy_exactly(buffers, random, lengths, p->B * sizeof(int32_t));
  }
  if (p->hasSinks) {
    job.sinkB = p->sinksPerBatch ? p->H : 0;
    job.learnedSinks = copy_exactly(buffers, random, p->sinks, (p->sinksPerBatch ? p->B : 1) * p->H * sizeof(float));
  }
  const size_t size = sizeof(float);
  const int needs = (p->biasTerm.given || p->maskTerm.given ? SCRATCH_TERMS : 0) |
                    (job.maskProgram || job.scoreProgram ? SCRATCH_PROGRAMS : 0) |
                    (job.keyType || job.valueType || job.indices ? SCRATCH_COPIES : 0) |
                    (plan->gathered ? SCRATCH_GATHERED : 0);
  job.scratchFloats = kernels->scratchFloats(plan->rows, p->D, p->E, job.operands, needs);
  job.scratch = buffers_add(buffers, random, manner.threads * job.scratchFloats * size);
  if (plan->slots > 0) {
    job.slotFloats = kernels->slotFloats(plan->rows, p->E);
    job.slots = buffers_add(buffers, random, plan->slots * job.slotFloats * size);
    job.joins = buffers_add(buffers, random, plan->joins * sizeof(int32_t));
    memset(job.joins, 0, plan->joins * sizeof(int32_t));
  }
  if (manner.panels > 1) {
    job.stateFloats = kernels->stateFloats(plan->rows, p->D, p->E, job.operands, needs);
    job.states = buffers_add(buffers, random, plan->unitCount * job.stateFloats * size);
  }
  return job;
}

static void job_attend(Random *random, const Kernels *kernels, const Problem *p, const Plan *plan, int from, int to,
                       const uint8_t *needed, Manner manner, Buffers *results_buffers, Results *results) {
  Buffers fixed = {0};
  results->out = stage_open(results_buffers, random, p->B, p->H, to - from, p->E, sizeof(float), 0);
  // lse is contiguous along N: rows of one "number" whose width is N.
  results->lse = stage_open(results_buffers, random, p->B, p->H, 1, to - from, sizeof(float), 0);
  Job job = job_open(&fixed, random, kernels, p, plan, from, to, manner, results);
  for (int panel = 0, lo = 0; panel < manner.panels; panel++) {
    const int last = panel == manner.panels - 1, hi = last ? p->M : random_int(random, lo, p->M);
    Buffers passing = {0};
    job_keys(&passing, random, p, &job, lo, hi, needed);
    job_pairs(&passing, random, p, &job, from, to, lo, hi);
    job.keyBase = job.keyLo = lo, job.keyHi = hi;
    job.phase = (panel == 0 ? JOB_BEGIN : 0) | (last ? JOB_END : 0);
    job_run(random, kernels, &job, manner);
    buffers_close(&passing);
    lo = hi;
  }
  buffers_close(&fixed);
}

#endif
