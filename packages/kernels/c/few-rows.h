// A few rows against many keys: decoding. Packing would cost more than the products, and the rate is that of memory,
// so keys and values are read where they lie, once, with lanes along the head's width.
//
// State as a slot (finish.h): max [rows], sum [rows], acc [rows][E]. Scratch:
//
//   queries [operands][rows][D]   scaled
//   scores  [rows][FEW_KEYS]
//   terms   [rows][FEW_KEYS]   of expressions
//   clean   [FEW_KEYS][E]   where values are not finite
#ifndef SACCADE_FEW_ROWS_H
#define SACCADE_FEW_ROWS_H

#include "ahead.h"
#include "elementary.h"
#include "expressions.h"
#include "finish.h"
#include "pack.h"
#include "scores.h"
#include "tile.h"

enum { FEW_ROWS = 12, FEW_KEYS = 64, FEW_VECTORS = 4 };

// Keys of a step, a multiple of LANES: while they are worked on, as many more are on their way. Shorter steps would spend their time
// on the softmax of a few narrow keys.
INLINE int few_step(int D, int E) {
  const int most = 2048 / FEW_KEYS; // also keeps heads without width from dividing by zero
  const int keys = D + E > most ? 2048 / (D + E) / 16 * 16 : FEW_KEYS;
  return keys < 16 ? 16 : keys;
}

static void few_queries(const Rows *rows, float *queries) {
  const int D = rows->job->D;
  const float factor = rows_query_factor(rows->job);
  for (int o = 0; o < rows->job->operands; o++)
    for (int r = 0; r < rows->count; r++, queries += D) {
      const float *q = rows_q(rows, o, r);
      for (int d = 0; d < D; d++) queries[d] = q[d] * factor;
    }
}

INLINE Ahead few_ahead(const Tile *tile, Run run, int bytes) {
  return ahead_of(run.at + tile->nextRow * run.step, run.step, bytes, tile->next);
}

// to[r][0..3] = q[r] . k[i] for `nr` rows and four keys.
INLINE void few_products(const int nr, int D, const float *queries, const float *const k[4], float *to, int stride, Ahead *ahead) {
  vf acc[2][4];
#pragma GCC unroll 2
  for (int r = 0; r < nr; r++)
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) acc[r][i] = vf_set(0.0f);
  int d = 0;
  for (; d + LANES <= D; d += LANES) {
    vf q[2];
#pragma GCC unroll 2
    for (int r = 0; r < nr; r++) q[r] = vf_load(queries + r * D + d);
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      const vf x = vf_load(k[i] + d);
#pragma GCC unroll 2
      for (int r = 0; r < nr; r++) acc[r][i] = vf_accumulate(acc[r][i], q[r], x);
    }
    if (ahead) ahead_ask(ahead, 4 * LANES / AHEAD_FLOATS);
  }
#pragma GCC unroll 2
  for (int r = 0; r < nr; r++) v4_store(to + r * stride, vf_sum_each(acc[r]));
  for (; d < D; d++)
    for (int r = 0; r < nr; r++)
      for (int i = 0; i < 4; i++) to[r * stride + i] += queries[r * D + d] * k[i][d];
}

static void few_scores(const Rows *rows, const Tile *tile, const float *queries, float *scores) {
  const int D = rows->job->D;
  const ptrdiff_t stride = tile->kStep;
  Ahead ahead = few_ahead(tile, tile->storedK, D * stored_bytes(rows->job->keyType));
  queries += (ptrdiff_t)tile->operand * rows->count * D;
  for (int j = 0; j < tile->count; j += 4) {
    const float *k[4];
    // A missing key is read as the last one; its score lies past `count` and is not looked at.
    for (int i = 0; i < 4; i++) k[i] = tile->k + (j + i < tile->count ? j + i : tile->count - 1) * stride;
    if (rows->count == 1) few_products(1, D, queries, k, scores + j, FEW_KEYS, &ahead);
    else few_products(2, D, queries, k, scores + j, FEW_KEYS, &ahead);
    int r = 2;
    for (; r + 2 <= rows->count; r += 2) few_products(2, D, queries + r * D, k, scores + r * FEW_KEYS + j, FEW_KEYS, 0);
    if (r < rows->count) few_products(1, D, queries + r * D, k, scores + r * FEW_KEYS + j, FEW_KEYS, 0);
  }
  ahead_rest(&ahead);
}

// Softcap, bias, mask and bounds of one row, then its weights: scores <- exp(s - m). Returns alpha.
static float few_weights(const Rows *rows, const Tile *tile, Slot state, int r, float *scores, const float *terms) {
  const Job *job = rows->job;
  const vf hidden = vf_set(-__builtin_inff());
  const int width = round_up(tile->count, LANES);
  if (!job->scoreProgram)
    for (int j = 0; j < width; j += LANES) vf_store(scores + j, score_of(job, vf_load(scores + j)));
  if (job->bias) {
    const float *bias = rows_bias(rows, r);
    for (int j = 0; j < tile->count; j++) scores[j] += bias[tile_key(tile, j) - job->keyBase];
  }
  if (terms)
    for (int j = 0; j < width; j += LANES) {
      const vf s = vf_load(scores + j);
      vf_store(scores + j, vf_select(vf_equal(vf_load(terms + j), hidden), hidden, s));
    }
  if (tile->partial)
    for (int j = 0; j < tile->count; j++)
      if (tile_hidden(tile, rows, r, j)) scores[j] = -__builtin_inff();
  for (int j = tile->count; j < width; j++) scores[j] = -__builtin_inff();

  vf tops = hidden;
  for (int j = 0; j < width; j += LANES) tops = vf_max(vf_load(scores + j), tops);
  const float here = vf_top(tops), top = here > state.max[r] ? here : state.max[r];
  const float zero = top == -__builtin_inff() ? 0.0f : top;
  vf sums = vf_set(0.0f);
  for (int j = 0; j < width; j += LANES) {
    const vf p = vf_exp(vf_sub(vf_load(scores + j), vf_set(zero)));
    sums = vf_add(sums, p);
    vf_store(scores + j, p);
  }
  float lanes[4];
  v4_store(lanes, vf_fold(sums));
  const float alpha = top == state.max[r] ? 1.0f : exp_one(state.max[r] - zero);
  state.max[r] = top;
  state.sum[r] = state.sum[r] * alpha + ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3]));
  return alpha;
}

// acc[r][0 .. nv * LANES) of `nr` rows <- acc alpha + p V
INLINE void few_values_strip(const int nr, const int nv, const Tile *tile, ptrdiff_t stride, const float *v,
                             const float *weights, const float *alpha, float *acc, int E, Ahead *ahead) {
  vf sum[2][FEW_VECTORS];
#pragma GCC unroll 2
  for (int r = 0; r < nr; r++)
#pragma GCC unroll 4
    for (int i = 0; i < nv; i++) sum[r][i] = vf_set(0.0f);
  for (int j = 0; j < tile->count; j++, v += stride) {
    vf p[2];
#pragma GCC unroll 2
    for (int r = 0; r < nr; r++) p[r] = vf_set(weights[r * FEW_KEYS + j]);
#pragma GCC unroll 4
    for (int i = 0; i < nv; i++) {
      const vf x = vf_load(v + i * LANES);
#pragma GCC unroll 2
      for (int r = 0; r < nr; r++) sum[r][i] = vf_accumulate(sum[r][i], p[r], x);
    }
    if (ahead) ahead_ask(ahead, (nv * LANES + AHEAD_FLOATS - 1) / AHEAD_FLOATS);
  }
#pragma GCC unroll 2
  for (int r = 0; r < nr; r++)
#pragma GCC unroll 4
    for (int i = 0; i < nv; i++) {
      float *cell = acc + r * E + i * LANES;
      vf_store(cell, vf_fma(vf_load(cell), vf_set(alpha[r]), sum[r][i]));
    }
}

INLINE void few_values_rows(const int nr, const Tile *tile, ptrdiff_t stride, const float *weights, const float *alpha,
                            float *acc, int E, Ahead *ahead) {
  int e = 0;
  for (; e + FEW_VECTORS * LANES <= E; e += FEW_VECTORS * LANES)
    few_values_strip(nr, FEW_VECTORS, tile, stride, tile->v + e, weights, alpha, acc + e, E, ahead);
  for (; e + LANES <= E; e += LANES)
    few_values_strip(nr, 1, tile, stride, tile->v + e, weights, alpha, acc + e, E, ahead);
  for (; e < E; e++)
    for (int r = 0; r < nr; r++) {
      float sum = 0;
      for (int j = 0; j < tile->count; j++) sum += weights[r * FEW_KEYS + j] * tile->v[j * stride + e];
      acc[r * E + e] = acc[r * E + e] * alpha[r] + sum;
    }
}

static int few_finite(const Tile *tile, ptrdiff_t stride, int E) {
  float poison = 0;
  for (int j = 0; j < tile->count; j++)
    for (int e = 0; e < E; e++) poison += tile->v[j * stride + e] * 0.0f;
  return poison == 0;
}

static void few_values(const Rows *rows, const Tile *tile, ptrdiff_t stride, const float *weights, const float *alpha,
                       float *acc) {
  const int E = rows->job->E;
  Ahead ahead = few_ahead(tile, tile->storedV, E * stored_bytes(rows->job->valueType));
  if (rows->count == 1) few_values_rows(1, tile, stride, weights, alpha, acc, E, &ahead);
  else few_values_rows(2, tile, stride, weights, alpha, acc, E, &ahead);
  ahead_rest(&ahead);
  int r = 2;
  for (; r + 2 <= rows->count; r += 2)
    few_values_rows(2, tile, stride, weights + r * FEW_KEYS, alpha + r, acc + (ptrdiff_t)r * E, E, 0);
  if (r < rows->count) few_values_rows(1, tile, stride, weights + r * FEW_KEYS, alpha + r, acc + (ptrdiff_t)r * E, E, 0);
}

// 0 times NaN is NaN, also for a row that does not see the value: what is not finite is left out of a copy in `clean`
// ([FEW_KEYS][E]), and rows that do see it receive it itself, whatever its positive weight.
static void few_values_guarded(const Rows *rows, const Tile *tile, ptrdiff_t stride, const float *weights,
                               const float *alpha, float *acc, float *clean, const float *terms) {
  const int E = rows->job->E;
  Tile copy = *tile;
  copy.v = clean;
  for (int j = 0; j < tile->count; j++)
    for (int e = 0; e < E; e++) clean[(ptrdiff_t)j * E + e] = tile->v[j * stride + e];
  zero_nonfinite(clean, (ptrdiff_t)tile->count * E);
  few_values(rows, &copy, E, weights, alpha, acc);
  for (int j = 0; j < tile->count; j++)
    for (int e = 0; e < E; e++) {
      const float x = tile->v[j * stride + e];
      if (is_finite(x)) continue;
      for (int r = 0; r < rows->count; r++) {
        if (terms && terms[r * FEW_KEYS + j] == -__builtin_inff()) continue;
        if (!tile_hidden(tile, rows, r, j)) acc[(ptrdiff_t)r * E + e] += x;
      }
    }
}

// What a step works in.
typedef struct {
  float *queries, *scores, *terms, *clean, *registers;
} FewScratch;

// One step: the keys of `tile`, at most few_step of them.
static void few_tile(const Rows *rows, const Tile *tile, Slot state, const FewScratch *scratch) {
  const ptrdiff_t stride = tile->vStep;
  const int programs = rows->job->scoreProgram || tile->masked;
  float *scores = scratch->scores, *terms = programs ? scratch->terms : 0;
  float alpha[FEW_ROWS];
  few_scores(rows, tile, scratch->queries, scores);
  if (programs) few_expressions(rows, tile, scratch->registers, scores, terms, FEW_KEYS);
  for (int r = 0; r < rows->count; r++)
    alpha[r] = few_weights(rows, tile, state, r, scores + r * FEW_KEYS, terms ? terms + r * FEW_KEYS : 0);
  if ((tile->partial || terms) && !few_finite(tile, stride, rows->job->E))
    few_values_guarded(rows, tile, stride, scores, alpha, state.acc, scratch->clean, terms);
  else few_values(rows, tile, stride, scores, alpha, state.acc);
}

#endif
