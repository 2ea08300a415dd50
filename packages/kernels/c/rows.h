// The rows of a unit: which query each one is, and which keys its position lets it see.
#ifndef SACCADE_ROWS_H
#define SACCADE_ROWS_H

#include "job.h"
#include "simd.h"

typedef struct {
  const Job *job;
  const Unit *unit;
  int start, stride, count; // count = positions * heads
  int lo[SACCADE_ROWS + LANES * PANEL_VECTORS]; // first visible key; rows past `count` see nothing
  int hi[SACCADE_ROWS + LANES * PANEL_VECTORS]; // one past the last
} Rows;

INLINE int rows_query(const Rows *rows, int r) { return rows->start + r / rows->unit->heads * rows->stride; }
INLINE int rows_head(const Rows *rows, int r) { return rows->unit->head + r % rows->unit->heads; }

// Reach in 64 bits: an unlimited one must not wrap around.
static void rows_open(Rows *rows, const Job *job, const Unit *unit) {
  const Task *first = job->tasks + unit->firstTask;
  rows->job = job;
  rows->unit = unit;
  rows->start = first->rowStart;
  rows->stride = first->rowStride;
  rows->count = first->rowCount * unit->heads;
  const int64_t offset = job->queryOffset ? job->queryOffset[unit->batch] : 0;
  const int64_t length = job->keyLength ? job->keyLength[unit->batch] : INT32_MAX;
  for (int r = 0; r < rows->count; r++) {
    const int64_t position = rows_query(rows, r) + offset;
    int64_t lo = job->back == INT32_MAX ? 0 : position - job->back;
    int64_t hi = job->ahead == INT32_MAX ? length : position + job->ahead + 1;
    if (hi > length) hi = length;
    rows->lo[r] = lo < 0 ? 0 : lo > INT32_MAX ? INT32_MAX : (int)lo;
    rows->hi[r] = hi < 0 ? 0 : (int)hi;
  }
  for (int r = rows->count; r < rows->count + LANES * PANEL_VECTORS; r++) rows->lo[r] = rows->hi[r] = 0;
}

INLINE const float *rows_at(const float *base, ptrdiff_t B, ptrdiff_t H, ptrdiff_t N, const Rows *rows, int r) {
  return base + rows->unit->batch * B + rows_head(rows, r) * H + (ptrdiff_t)(rows_query(rows, r) - rows->job->rowBase) * N;
}
INLINE const float *rows_q(const Rows *rows, int r) {
  return rows_at(rows->job->q, rows->job->qB, rows->job->qH, rows->job->qN, rows, r);
}
INLINE float *rows_out(const Rows *rows, int r) {
  return (float *)rows_at(rows->job->out, rows->job->outB, rows->job->outH, rows->job->outN, rows, r);
}
INLINE float *rows_lse(const Rows *rows, int r) {
  return (float *)rows_at(rows->job->lse, rows->job->lseB, rows->job->lseH, 1, rows, r);
}
INLINE const float *rows_bias(const Rows *rows, int r) {
  return rows_at(rows->job->bias, rows->job->biasB, rows->job->biasH, rows->job->biasN, rows, r);
}
INLINE const uint8_t *rows_mask(const Rows *rows, int r) {
  const Job *job = rows->job;
  return job->mask + rows->unit->batch * job->maskB + rows_head(rows, r) * job->maskH +
         (ptrdiff_t)(rows_query(rows, r) - job->rowBase) * job->maskN;
}
INLINE float rows_sink(const Rows *rows, int r) {
  return rows->job->learnedSinks[rows->unit->batch * rows->job->sinkB + rows_head(rows, r)];
}

// The scale is split in two: queries are multiplied by its power of two as they are packed, which is exact, and
// scores by the rest. Rounded into every element of a query, it would cost some calls their accuracy.
INLINE float rows_query_factor(const Job *job) {
  union {
    float f;
    uint32_t u;
  } power = {.f = job->scale};
  power.u &= 0xff800000u;
  const int normal = (power.u & 0x7f800000u) != 0 && (power.u & 0x7f800000u) != 0x7f800000u;
  return normal ? power.f : 1.0f;
}
INLINE float rows_score_factor(const Job *job) { return job->scale / rows_query_factor(job); }

#endif
