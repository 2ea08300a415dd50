// Scores written out: the queries of a unit against its keys, each for itself or reduced over the unit's heads.
//
// Keys lie along the lanes, so that scores come as rows of the output. Every score is one sum over D in ascending order, wherever
// its query and its key stand, and heads are reduced in ascending order: no split of a call changes a bit.
//
//   keys     [D][width]        a group of keys, transposed; width = PAIRS_WIDTH, or less where the last keys are few
//   queries  [D][OUTER_ROWS]   a strip of rows, transposed; row r is position r / heads, head r % heads
//
//              d ->                 keys ->
//   rows   +---------+          +---------+---------+
//     r0   | queries |  outer   |  group  |  group  |    a strip meets all groups of a tile while it and they are
//     ...  +---------+          +---------+---------+    in the first-level cache
#ifndef SACCADE_PAIR_SCORES_H
#define SACCADE_PAIR_SCORES_H

#include "elementary.h"
#include "job.h"
#include "outer.h"
#include "pack.h"
#include "scratch-parts.h"

enum { PAIRS_WIDTH = PANEL_VECTORS * LANES };

// Keys of a tile: as many groups as a first-level cache has room for beside a strip.
INLINE int pairs_tile(int D) {
  const int groups = 6144 / (D * PAIRS_WIDTH);
  return (groups < 1 ? 1 : groups > 8 ? 8 : groups) * PAIRS_WIDTH;
}

// One thread's scratch: queries of all rows, keys of a tile, the open position's sums over heads, a strip's scores.
typedef struct {
  float *queries, *keys, *sums, *strip;
} PairsScratch;

static ptrdiff_t pairs_scratch_open(PairsScratch *scratch, float *base, int rows, int D) {
  enum { PARTS = 4 };
  const int tile = pairs_tile(D);
  const ptrdiff_t sizes[PARTS] = {(ptrdiff_t)round_up(rows, OUTER_ROWS) * D, (ptrdiff_t)tile * D, tile, OUTER_ROWS * PAIRS_WIDTH};
  float **parts[PARTS] = {&scratch->queries, &scratch->keys, &scratch->sums, &scratch->strip};
  return scratch_parts(base, PARTS, sizes, parts);
}

typedef struct {
  const Job *job;
  const Unit *unit;
  int rows; // positions * heads
  PairsScratch scratch;
} PairsUnit;

INLINE int pairs_position(const PairsUnit *of, int r) { return of->unit->firstTask + r / of->unit->heads; }
INLINE int pairs_head(const PairsUnit *of, int r) { return of->unit->head + r % of->unit->heads; }

INLINE const float *pairs_query(const PairsUnit *of, int r) {
  const Job *job = of->job;
  return job->q[0] + of->unit->batch * job->qB + pairs_head(of, r) * job->qH + (ptrdiff_t)pairs_position(of, r) * job->qN;
}
// Where the scores of a row, or of its position, are written.
INLINE float *pairs_out(const PairsUnit *of, int r) {
  const Job *job = of->job;
  const int head = job->scoring == SCORES_EACH ? pairs_head(of, r) : of->unit->kvHead;
  return job->out + of->unit->batch * job->outB + head * job->outH + (ptrdiff_t)pairs_position(of, r) * job->outN;
}
INLINE float pairs_term(const PairsUnit *of, int r) {
  const Job *job = of->job;
  return job->lse[of->unit->batch * job->lseB + pairs_head(of, r) * job->lseH + pairs_position(of, r)];
}

// Past the end the last row stands again: its scores are computed, but never written.
static void pairs_queries(const PairsUnit *of) {
  const int D = of->job->D;
  for (int r = 0; r < of->rows; r += 4) {
    const float *four[4];
    for (int i = 0; i < 4; i++) four[i] = pairs_query(of, r + i < of->rows ? r + i : of->rows - 1);
    pack_four_rows(four, D, of->scratch.queries + (ptrdiff_t)(r / OUTER_ROWS * OUTER_ROWS) * D + r % OUTER_ROWS, OUTER_ROWS);
  }
}

INLINE int pairs_vectors(int keys) { return keys < PAIRS_WIDTH ? (keys + LANES - 1) / LANES : PANEL_VECTORS; }

// While keys are packed as many behind them are asked for: few queries wait for memory most of the time.
INLINE void pairs_prefetch(const float *keys, ptrdiff_t stride, int from, int end, int D) {
  enum { LINE = 64 / sizeof(float) };
  for (int j = from; j < from + 4 && j < end; j++)
    for (int d = 0; d < D; d += LINE) __builtin_prefetch(keys + j * stride + d, 0, 2);
}

// Keys [from, from + count), group after group.
static void pairs_keys(const PairsUnit *of, int from, int count) {
  const Job *job = of->job;
  const int tile = pairs_tile(job->D);
  const float *keys = (const float *)job->k + of->unit->batch * job->kB + of->unit->kvHead * job->kH + (ptrdiff_t)from * job->kN;
  for (int group = 0; group < count; group += PAIRS_WIDTH) {
    const int width = pairs_vectors(count - group) * LANES;
    float *to = of->scratch.keys + (ptrdiff_t)group * job->D;
    for (int j = 0; j < width; j += 4) {
      const float *four[4];
      for (int i = 0; i < 4; i++) four[i] = keys + (ptrdiff_t)(group + j + i < count ? group + j + i : count - 1) * job->kN;
      pairs_prefetch(keys, job->kN, group + j + tile, of->unit->keyHi - from, job->D);
      pack_four_rows(four, job->D, to + j, width);
    }
  }
}

// Scores of a strip against a group of keys.
INLINE void pairs_products(const int nv, const Job *job, const float *queries, const float *keys, float *const to[OUTER_ROWS]) {
  vf acc[OUTER_ROWS][PANEL_VECTORS];
  outer(nv, job->D, packed_left(queries), keys, acc);
  const vf scale = vf_set(job->scale);
#pragma GCC unroll 8
  for (int i = 0; i < OUTER_ROWS; i++)
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) vf_store(to[i] + v * LANES, vf_mul(acc[i][v], scale));
}

static void pairs_products_any(int nv, const Job *job, const float *queries, const float *keys, float *const to[OUTER_ROWS]) {
  switch (nv) {
  case 1: pairs_products(1, job, queries, keys, to); break;
  case PANEL_VECTORS: pairs_products(PANEL_VECTORS, job, queries, keys, to); break;
  default:
    if (PANEL_VECTORS > 2) pairs_products(2, job, queries, keys, to);
  }
}

// b where it is larger or NaN, and a where that is NaN.
INLINE vf pairs_larger(vf a, vf b) { return vf_select(vf_equal(a, a), vf_max(a, b), a); }

// What one head's scores add to its position's: `term` is its lse or its weight.
INLINE void pairs_reduce(int scoring, int nv, const float *scores, float term, int first, float *sums) {
  for (int v = 0; v < nv; v++, scores += LANES, sums += LANES) {
    vf s = vf_load(scores);
    const vf sum = first ? vf_set(0.0f) : vf_load(sums);
    switch (scoring) {
    case SCORES_SUM: s = vf_add(sum, s); break;
    case SCORES_MAX: s = first ? s : pairs_larger(sum, s); break;
    case SCORES_RELU: s = vf_fma(vf_max(vf_set(0.0f), s), vf_set(term), sum); break;
    default: {
      // Beyond e^88 there is little room left; vf_exp is not made for it.
      const vf x = vf_sub(s, vf_set(term));
      s = vf_add(sum, vf_select(vf_less(vf_set(88.0f), x), vf_set(__builtin_inff()), vf_exp(x)));
    }
    }
    vf_store(sums, s);
  }
}

static void pairs_copy(float *to, const float *from, int count) { __builtin_memcpy(to, from, (size_t)count * sizeof(float)); }

// Rows [r, r + OUTER_ROWS) against a tile of `count` keys from key `from` on.
static void pairs_strip_each(const PairsUnit *of, int r, int from, int count) {
  const int rows = of->rows - r < OUTER_ROWS ? of->rows - r : OUTER_ROWS;
  float *out[OUTER_ROWS];
  for (int i = 0; i < rows; i++) out[i] = pairs_out(of, r + i) + from;
  for (int group = 0; group < count; group += PAIRS_WIDTH) {
    const int nv = pairs_vectors(count - group), rest = count - group < PAIRS_WIDTH ? count - group : PAIRS_WIDTH;
    const int whole = rest == nv * LANES;
    float *to[OUTER_ROWS];
    for (int i = 0; i < OUTER_ROWS; i++) to[i] = whole && i < rows ? out[i] + group : of->scratch.strip + i * PAIRS_WIDTH;
    pairs_products_any(nv, of->job, of->scratch.queries + (ptrdiff_t)r * of->job->D, of->scratch.keys + (ptrdiff_t)group * of->job->D, to);
    if (!whole)
      for (int i = 0; i < rows; i++) pairs_copy(out[i] + group, to[i], rest);
  }
}

static void pairs_strip_reduced(const PairsUnit *of, int r, int from, int count) {
  const Job *job = of->job;
  const int heads = of->unit->heads, rows = of->rows - r < OUTER_ROWS ? of->rows - r : OUTER_ROWS;
  const int terms = job->scoring == SCORES_MASS || job->scoring == SCORES_RELU;
  float *to[OUTER_ROWS];
  for (int i = 0; i < OUTER_ROWS; i++) to[i] = of->scratch.strip + i * PAIRS_WIDTH;
  for (int group = 0; group < count; group += PAIRS_WIDTH) {
    const int nv = pairs_vectors(count - group), rest = count - group < PAIRS_WIDTH ? count - group : PAIRS_WIDTH;
    pairs_products_any(nv, job, of->scratch.queries + (ptrdiff_t)r * job->D, of->scratch.keys + (ptrdiff_t)group * job->D, to);
    for (int i = 0; i < rows; i++) {
      const int h = (r + i) % heads;
      pairs_reduce(job->scoring, nv, to[i], terms ? pairs_term(of, r + i) : 0, h == 0, of->scratch.sums + group);
      if (h == heads - 1) pairs_copy(pairs_out(of, r + i) + from + group, of->scratch.sums + group, rest);
    }
  }
}

static void pairs_unit(const Job *job, const Unit *unit, float *scratch) {
  PairsUnit of = {.job = job, .unit = unit, .rows = unit->taskCount * unit->heads};
  pairs_scratch_open(&of.scratch, scratch, of.rows, job->D);
  pairs_queries(&of);
  const int tile = pairs_tile(job->D);
  for (int from = unit->keyLo; from < unit->keyHi; from += tile) {
    const int count = unit->keyHi - from < tile ? unit->keyHi - from : tile;
    pairs_keys(&of, from, count);
    for (int r = 0; r < of.rows; r += OUTER_ROWS)
      if (job->scoring == SCORES_EACH) pairs_strip_each(&of, r, from, count);
      else pairs_strip_reduced(&of, r, from, count);
  }
}

#endif
