// The rows of a unit: which query each one is, and which keys its position lets it see.
#ifndef SACCADE_ROWS_H
#define SACCADE_ROWS_H

#include "job.h"
#include "simd.h"

enum { ROWS_ROOM = SACCADE_ROWS + LANES * PANEL_VECTORS };

typedef struct {
  const Job *job;
  const Unit *unit;
  int count; // positions * heads
  int reach; // of the bounds below, -1 before there are any
  int64_t offset, length;
  int query[ROWS_ROOM]; // index of the row's query; rows past `count` repeat the last one
  int lo[ROWS_ROOM];    // first visible key; rows past `count` see nothing
  int hi[ROWS_ROOM];    // one past the last
} Rows;

INLINE int rows_query(const Rows *rows, int r) { return rows->query[r]; }
INLINE int rows_head(const Rows *rows, int r) { return rows->unit->head + r % rows->unit->heads; }
INLINE int64_t rows_position(const Rows *rows, int r) { return rows->query[r] + rows->offset; }

// Positions [from, from + positions) of the rows of a task.
static void rows_open(Rows *rows, const Job *job, const Unit *unit, const Task *task, int from, int positions) {
  rows->job = job;
  rows->unit = unit;
  rows->count = positions * unit->heads;
  rows->reach = -1;
  rows->offset = job->queryOffset ? job->queryOffset[unit->batch] : 0;
  rows->length = job->keyLength ? job->keyLength[unit->batch] : INT32_MAX;
  int r = 0;
  for (int i = from; i < from + positions; i++) {
    const int query = task->rowIndex < 0 ? task->rowStart + i * task->rowStride : job->indices[task->rowIndex + i];
    for (int h = 0; h < unit->heads; h++) rows->query[r++] = query;
  }
  for (; r < rows->count + LANES * PANEL_VECTORS; r++) rows->query[r] = rows->query[rows->count - 1];
}

INLINE int bounded(int64_t key) { return key < 0 ? 0 : key > INT32_MAX ? INT32_MAX : (int)key; }

INLINE int64_t floor_multiple(int64_t x, int64_t of) { return x - ((x % of) + of) % of; }

// The first key that a reach leaves to a position, and one past the last, in 64 bits: an unlimited one must not wrap around.
INLINE int64_t reach_lo(const Reach *reach, int64_t position) {
  int64_t lo = reach->back == INT32_MAX ? 0 : position - reach->back;
  if (reach->chunk > 0) {
    const int64_t start = floor_multiple(position + reach->shift, reach->chunk) - reach->shift - reach->behind;
    if (start > lo) lo = start;
  }
  return lo;
}
INLINE int64_t reach_hi(const Reach *reach, int64_t position) {
  return reach->ahead == INT32_MAX ? INT32_MAX : position + reach->ahead + 1;
}

// Bounds for the partial tasks that follow; they stay until another reach is asked for.
static void rows_bound(Rows *rows, int reach) {
  if (rows->reach == reach) return;
  rows->reach = reach;
  const Reach *of = rows->job->reaches + reach;
  for (int r = 0; r < rows->count; r++) {
    const int64_t position = rows_position(rows, r), hi = reach_hi(of, position);
    rows->lo[r] = bounded(reach_lo(of, position));
    rows->hi[r] = bounded(hi < rows->length ? hi : rows->length);
  }
  for (int r = rows->count; r < rows->count + LANES * PANEL_VECTORS; r++) rows->lo[r] = rows->hi[r] = 0;
}

INLINE const float *rows_at(const float *base, ptrdiff_t B, ptrdiff_t H, ptrdiff_t N, const Rows *rows, int r) {
  return base + rows->unit->batch * B + rows_head(rows, r) * H + (ptrdiff_t)(rows_query(rows, r) - rows->job->rowBase) * N;
}
INLINE const float *rows_q(const Rows *rows, int operand, int r) {
  return rows_at(rows->job->q[operand], rows->job->qB, rows->job->qH, rows->job->qN, rows, r);
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
