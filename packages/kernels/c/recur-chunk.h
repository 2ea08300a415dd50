// A chunk of a recurrence's tokens, prepared for products with the state.
//
// With c_t the product of the decays w up to token t, and r_t of those after it, all within the chunk,
//
//   o_t = (q_t c_t)' S + sum_(s <= t) A[t][s] u_s'       A[t][s] = q_t' diag(w_(s+1) .. w_t) k_s
//   S  <- diag(c_T) S + sum_s (k_s r_s) u_s'
//
// where S is the state before the chunk and u_s what token s writes. Products of decays are made step by step and never divided: every
// factor is exp of something <= 0, however strong the decay.
//
//   rows   [T][width]     width = D, rounded up to whole vectors and rows of the microkernel, the rest 0; tokens past the last are 0
//   pairs  [T][T]         weights of token s for token t; 0 where s is not before t
#ifndef SACCADE_RECUR_CHUNK_H
#define SACCADE_RECUR_CHUNK_H

#include "elementary.h"
#include "pack.h"
#include "recurrence.h"
#include "scratch-parts.h"
#include "simd.h"

// Tokens of a chunk, T: as many as the microkernel has rows; in WebAssembly, where it has four, twice as many (18 to 24% more tokens a
// second without decay). Longer chunks cost more products of tokens with each other than they save: docs/linear.md has the figures,
// `bench:recurrence` measures them again.
#ifdef RECUR_CHUNK
enum { RECUR_TOKENS = RECUR_CHUNK };
#else
enum { RECUR_TOKENS = IN_PLACE ? OUTER_ROWS : 2 * OUTER_ROWS };
#endif

// Where a chunk stands, and what of it does not depend on the panel.
typedef struct {
  const Recurrence *r;
  int batch, state; // the value head
  int heads, head;  // query heads that read this state, the first of them
  int width;
  float *queries;   // [heads][T][width]   q c, scaled
  float *reads;     // [T][width]          k c (delta), a c of the token before (general)
  float *keys, *gains; // [T][width]       k r; b r (general)
  float *decays;    // [T][width] of channels, or [T]
  float *through;   // [width]             c of the last token
  float *queryKeys, *queryGains; // [heads][T][T]
  float *readKeys, *readGains;   // [T][T]
  float *betas;     // [T]
  float *ones;      // [width]
  // Where the microkernel reads at constant strides only, the same as it reads them: queries and reads [D][OUTER_ROWS] for
  // each block of tokens, keys and gains [T][OUTER_ROWS] for each block of channels.
  float *packedQueries, *packedReads, *packedKeys, *packedGains;
} RecurChunk;

INLINE int recur_width(int D) { return round_up(D, LANES > OUTER_ROWS ? LANES : OUTER_ROWS); }

static ptrdiff_t recur_chunk_open(RecurChunk *chunk, float *base, const Recurrence *r) {
  enum { PARTS = 16 };
  const int heads = r->H > r->V ? r->H / r->V : 1, width = recur_width(r->D);
  const ptrdiff_t rows = (ptrdiff_t)RECUR_TOKENS * width, pairs = (ptrdiff_t)RECUR_TOKENS * RECUR_TOKENS;
  const int reads = r->rule != RULE_ADDITIVE, gains = r->rule == RULE_GENERAL, packs = !IN_PLACE;
  *chunk = (RecurChunk){.r = r, .heads = r->mode == RECUR_WRITE ? 0 : heads, .width = width};
  const ptrdiff_t sizes[PARTS] = {heads * rows, reads * rows, rows, gains * rows, rows, width,
                                  heads * pairs, gains * heads * pairs, reads * pairs, gains * pairs, RECUR_TOKENS, width,
                                  packs * heads * rows, packs * reads * rows, packs * rows, packs * gains * rows};
  float **parts[PARTS] = {&chunk->queries, &chunk->reads, &chunk->keys, &chunk->gains, &chunk->decays, &chunk->through,
                          &chunk->queryKeys, &chunk->queryGains, &chunk->readKeys, &chunk->readGains, &chunk->betas, &chunk->ones,
                          &chunk->packedQueries, &chunk->packedReads, &chunk->packedKeys, &chunk->packedGains};
  const ptrdiff_t used = scratch_parts(base, PARTS, sizes, parts);
  for (int d = 0; base && d < width; d++) chunk->ones[d] = 1.0f;
  return used;
}

INLINE void row_fill(const float *from, int count, float factor, float *to, int width) {
  const vf f = vf_set(factor);
  int d = 0;
  for (; d + LANES <= count; d += LANES) vf_store(to + d, vf_mul(vf_load(from + d), f));
  for (; d < count; d++) to[d] = from[d] * factor;
  for (; d < width; d++) to[d] = 0.0f;
}

INLINE void row_scale(float *row, float factor, int width) {
  const vf f = vf_set(factor);
  for (int d = 0; d < width; d += LANES) vf_store(row + d, vf_mul(vf_load(row + d), f));
}

INLINE void row_times(float *row, const float *factors, int width) {
  for (int d = 0; d < width; d += LANES) vf_store(row + d, vf_mul(vf_load(row + d), vf_load(factors + d)));
}

INLINE float row_product(const float *x, const float *y, int width) {
  vf sum = vf_set(0.0f);
  for (int d = 0; d < width; d += LANES) sum = vf_accumulate(sum, vf_load(x + d), vf_load(y + d));
  float lanes[4];
  v4_store(lanes, vf_fold(sum));
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// Four rows at a time, and `ahead` further on what the next chunk reads is asked for: without that, a third of the time went into waiting.
INLINE void rows_four(const float *from, ptrdiff_t step, ptrdiff_t ahead, int count, float factor, float *to, int width) {
  const vf f = vf_set(factor);
  int d = 0;
  for (; d + LANES <= count; d += LANES) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      if (LANES == 16 || d % 16 == 0) __builtin_prefetch(from + i * step + ahead + d, 0, 3);
      vf_store(to + i * width + d, vf_mul(vf_load(from + i * step + d), f));
    }
  }
  for (; d < width; d++)
    for (int i = 0; i < 4; i++) to[i * width + d] = d < count ? from[i * step + d] * factor : 0.0f;
}

// `count` rows of `columns` numbers, and zeros up to row T.
static __attribute__((noinline)) void rows_fill(const float *from, ptrdiff_t step, int count, int columns, float factor, float *to, int width) {
  int t = 0;
  for (; t + 4 <= count; t += 4) rows_four(from + t * step, step, RECUR_TOKENS * step, columns, factor, to + t * width, width);
  for (; t < count; t++) row_fill(from + t * step, columns, factor, to + t * width, width);
  if (t < RECUR_TOKENS) __builtin_memset(to + t * width, 0, sizeof(float) * (size_t)((RECUR_TOKENS - t) * width));
}

// to[i * T + s] = x[i] . rows[s] for `n` rows and s < count, in fours: up to three more are written.
INLINE void recur_products(const int n, const float *x, const float *rows, int count, int width, float *to) {
  for (int s = 0; s < count; s += 4, rows += 4 * width) {
    vf sums[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < n; i++)
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) sums[i][j] = vf_set(0.0f);
    for (int d = 0; d < width; d += LANES) {
      vf y[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) y[j] = vf_load(rows + j * width + d);
#pragma GCC unroll 4
      for (int i = 0; i < n; i++) {
        const vf z = vf_load(x + i * width + d);
#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) sums[i][j] = vf_accumulate(sums[i][j], z, y[j]);
      }
    }
#pragma GCC unroll 4
    for (int i = 0; i < n; i++) v4_store(to + i * RECUR_TOKENS + s, vf_sum_each(sums[i]));
  }
}

// One row; called from many places, and copied into none of them.
static __attribute__((noinline)) void recur_products_of(const float *x, const float *rows, int count, int width, float *to) {
  recur_products(1, x, rows, count, width, to);
}

// Products of tokens [t, t + 4) with the rows up to them.
static __attribute__((noinline)) void recur_four(const RecurChunk *chunk, const float *x, const float *rows, int t, float *pairs) {
  const int width = chunk->width;
  // As many sums as the registers hold.
  enum { AT_ONCE = OUTER_ROWS * PANEL_VECTORS >= 16 ? 4 : 2 };
  for (int i = 0; i < 4; i += AT_ONCE)
    recur_products(AT_ONCE, x + (t + i) * width, rows, t + 4, width, pairs + (t + i) * RECUR_TOKENS);
}

// Row t of `pairs` <- 0 from `count` on.
INLINE void pairs_end(float *pairs, int t, int count) {
  float *row = pairs + t * RECUR_TOKENS;
  int s = count;
  for (; s % 4; s++) row[s] = 0.0f;
  for (; s < RECUR_TOKENS; s += 4) v4_store(row + s, v4_set(0.0f));
}

INLINE void pairs_times(float *pairs, int t, const float *factors) {
  float *row = pairs + t * RECUR_TOKENS;
  for (int s = 0; s <= t; s += 4) v4_store(row + s, v4_mul(v4_load(row + s), v4_load(factors + s)));
}

// The query rows of head j, and what their pairs are.
INLINE float *recur_query(const RecurChunk *chunk, int j) { return chunk->queries + (ptrdiff_t)j * RECUR_TOKENS * chunk->width; }
INLINE float *recur_pairs(float *pairs, int j) { return pairs + (ptrdiff_t)j * RECUR_TOKENS * RECUR_TOKENS; }

// Decay by one number a token, or none: products first, factors afterwards. factors[s] is w_(s+1) .. w_t.
static __attribute__((noinline)) void recur_numbers(const RecurChunk *chunk, int count) {
  const int width = chunk->width, rule = chunk->r->rule, decays = chunk->r->decayKind != DECAY_NONE;
  const int reads = rule != RULE_ADDITIVE, gains = rule == RULE_GENERAL;
  for (int t = 0; t < count; t += 4) {
    if (reads) recur_four(chunk, chunk->reads, chunk->keys, t, chunk->readKeys);
    if (gains) recur_four(chunk, chunk->reads, chunk->gains, t, chunk->readGains);
    for (int j = 0; j < chunk->heads; j++) {
      recur_four(chunk, recur_query(chunk, j), chunk->keys, t, recur_pairs(chunk->queryKeys, j));
      if (gains) recur_four(chunk, recur_query(chunk, j), chunk->gains, t, recur_pairs(chunk->queryGains, j));
    }
  }
  float product = 1.0f, factors[RECUR_TOKENS];
  for (int t = 0; t < count; t++) {
    factors[t] = 1.0f;
    for (int s = t + 1; s % 4; s++) factors[s] = 0.0f;
    if (decays && gains) {
      pairs_times(chunk->readKeys, t, factors);
      pairs_times(chunk->readGains, t, factors);
      row_scale(chunk->reads + t * width, product, width);
    }
    if (decays) {
      const v4 w = v4_set(chunk->decays[t]);
      for (int s = 0; s < t; s += 4) v4_store(factors + s, v4_mul(v4_load(factors + s), w));
      factors[t] = 1.0f;
      product *= chunk->decays[t];
    }
    if (decays && rule == RULE_DELTA) {
      pairs_times(chunk->readKeys, t, factors);
      row_scale(chunk->reads + t * width, product, width);
    }
    if (reads) pairs_end(chunk->readKeys, t, t);
    if (gains) pairs_end(chunk->readGains, t, t);
    for (int j = 0; j < chunk->heads; j++) {
      if (decays) {
        pairs_times(recur_pairs(chunk->queryKeys, j), t, factors);
        if (gains) pairs_times(recur_pairs(chunk->queryGains, j), t, factors);
        row_scale(recur_query(chunk, j) + t * width, product, width);
      }
      pairs_end(recur_pairs(chunk->queryKeys, j), t, t + 1);
      if (gains) pairs_end(recur_pairs(chunk->queryGains, j), t, t + 1);
    }
  }
  if (decays || chunk->r->sums)
    for (int d = 0; d < width; d++) chunk->through[d] = product;
  for (int s = 0; decays && s < count; s++) {
    row_scale(chunk->keys + s * width, factors[s], width);
    if (gains) row_scale(chunk->gains + s * width, factors[s], width);
  }
}

// Rows before t <- times w_t, on the way to their products with up to two rows.
INLINE void recur_meet(const int n, const float *const *x, const float *w, const float *ones, float *rows, int t, int width,
                       float *const *to) {
  for (int s = 0; s <= t; s += 4, rows += 4 * width) {
    vf sums[2][4];
    const float *factors[4];
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
      factors[j] = s + j < t ? w : ones;
#pragma GCC unroll 2
      for (int i = 0; i < n; i++) sums[i][j] = vf_set(0.0f);
    }
    for (int d = 0; d < width; d += LANES) {
      vf z[2];
#pragma GCC unroll 2
      for (int i = 0; i < n; i++) z[i] = vf_load(x[i] + d);
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) {
        const vf y = vf_mul(vf_load(rows + j * width + d), vf_load(factors[j] + d));
        vf_store(rows + j * width + d, y);
#pragma GCC unroll 2
        for (int i = 0; i < n; i++) sums[i][j] = vf_accumulate(sums[i][j], z[i], y);
      }
    }
#pragma GCC unroll 2
    for (int i = 0; i < n; i++) v4_store(to[i] + s, vf_sum_each(sums[i]));
  }
}

static __attribute__((noinline)) void recur_meet_one(const float *x, const float *w, const float *ones, float *rows, int t, int width,
                                                     float *to) {
  recur_meet(1, &x, w, ones, rows, t, width, &to);
}
static __attribute__((noinline)) void recur_meet_two(const float *const x[2], const float *w, const float *ones, float *rows, int t,
                                                     int width, float *const to[2]) {
  recur_meet(2, x, w, ones, rows, t, width, to);
}

// What token t reads under the general rule is decayed up to the token before.
INLINE void recur_general(const RecurChunk *chunk, int t) {
  const int width = chunk->width;
  float *x = chunk->reads + t * width;
  recur_products_of(x, chunk->keys, t, width, chunk->readKeys + t * RECUR_TOKENS);
  recur_products_of(x, chunk->gains, t, width, chunk->readGains + t * RECUR_TOKENS);
  pairs_end(chunk->readKeys, t, t);
  pairs_end(chunk->readGains, t, t);
  row_times(x, chunk->through, width);
}

// Token after token, the keys before it decay: q_t meets k_s times w_(s+1) .. w_t.
static __attribute__((noinline)) void recur_channels(const RecurChunk *chunk, int count) {
  const int width = chunk->width, rule = chunk->r->rule, delta = rule == RULE_DELTA;
  for (int d = 0; d < width; d++) chunk->through[d] = 1.0f;
  for (int t = 0; t < count; t++) {
    const float *w = chunk->decays + t * width;
    if (rule == RULE_GENERAL) recur_general(chunk, t);
    const float *const x[2] = {recur_query(chunk, 0) + t * width, chunk->reads + t * width};
    float *const to[2] = {chunk->queryKeys + t * RECUR_TOKENS, chunk->readKeys + t * RECUR_TOKENS};
    if (delta) recur_meet_two(x, w, chunk->ones, chunk->keys, t, width, to);
    else recur_meet_one(x[0], w, chunk->ones, chunk->keys, t, width, to[0]);
    if (rule == RULE_GENERAL) recur_meet_one(x[0], w, chunk->ones, chunk->gains, t, width, chunk->queryGains + t * RECUR_TOKENS);
    row_times(chunk->through, w, width);
    if (delta) {
      pairs_end(chunk->readKeys, t, t);
      row_times(chunk->reads + t * width, chunk->through, width);
    }
    for (int j = 0; j < chunk->heads; j++) {
      float *q = recur_query(chunk, j) + t * width, *pairs = recur_pairs(chunk->queryKeys, j);
      float *pairGains = recur_pairs(chunk->queryGains, j);
      if (j > 0) recur_products_of(q, chunk->keys, t + 1, width, pairs + t * RECUR_TOKENS);
      if (j > 0 && rule == RULE_GENERAL) recur_products_of(q, chunk->gains, t + 1, width, pairGains + t * RECUR_TOKENS);
      pairs_end(pairs, t, t + 1);
      if (rule == RULE_GENERAL) pairs_end(pairGains, t, t + 1);
      row_times(q, chunk->through, width);
    }
  }
}

static void recur_decays(const RecurChunk *chunk, int n, int count) {
  const Recurrence *r = chunk->r;
  const float *from = r->decay + chunk->batch * r->decayStep.b + chunk->state * r->decayStep.h + n * r->decayStep.n;
  if (r->decayKind == DECAY_HEAD || r->decayKind == DECAY_TOKEN) {
    for (int t = 0; t < count; t++) chunk->decays[t] = from[t * r->decayStep.n];
    for (int t = count; t < round_up(count, LANES); t++) chunk->decays[t] = 0.0f;
    for (int t = 0; t < count; t += LANES) vf_store(chunk->decays + t, vf_exp(vf_load(chunk->decays + t)));
    return;
  }
  rows_fill(from, r->decayStep.n, count, r->D, 1.0f, chunk->decays, chunk->width);
  const int vectors = count * chunk->width / LANES;
  int i = 0;
  for (; i + 2 <= vectors; i += 2) {
    vf x[2] = {vf_load(chunk->decays + i * LANES), vf_load(chunk->decays + (i + 1) * LANES)};
    vf_exp_each(2, x);
    vf_store(chunk->decays + i * LANES, x[0]);
    vf_store(chunk->decays + (i + 1) * LANES, x[1]);
  }
  if (i < vectors) vf_store(chunk->decays + i * LANES, vf_exp(vf_load(chunk->decays + i * LANES)));
}

INLINE const float *recur_token(const float *x, const RecurStrides *step, int b, int h, int n) {
  return x + b * step->b + h * step->h + n * step->n;
}

// The query and key heads of a state.
INLINE int recur_query_head(const Recurrence *r, int state) { return r->H > r->V ? state * (r->H / r->V) : state / (r->V / r->H); }
INLINE int recur_key_head(const Recurrence *r, int state) { return state / (r->V / r->G); }

// Tokens past the last read nothing of what is written in the chunk.
static void recur_zero_pairs(const RecurChunk *chunk, int count) {
  const ptrdiff_t at = (ptrdiff_t)count * RECUR_TOKENS;
  const size_t bytes = sizeof(float) * (size_t)(RECUR_TOKENS - count) * (size_t)RECUR_TOKENS;
  if (chunk->r->rule != RULE_ADDITIVE) __builtin_memset(chunk->readKeys + at, 0, bytes);
  if (chunk->r->rule == RULE_GENERAL) __builtin_memset(chunk->readGains + at, 0, bytes);
  for (int j = 0; j < chunk->heads; j++) {
    const ptrdiff_t pairs = (ptrdiff_t)j * RECUR_TOKENS * RECUR_TOKENS;
    __builtin_memset(chunk->queryKeys + pairs + at, 0, bytes);
    if (chunk->r->rule == RULE_GENERAL) __builtin_memset(chunk->queryGains + pairs + at, 0, bytes);
  }
}

static void recur_pack_tokens(const float *rows, int D, int width, float *to) {
  for (int t = 0; t < RECUR_TOKENS; t += 4) {
    const float *four[4];
    for (int i = 0; i < 4; i++) four[i] = rows + (t + i) * width;
    pack_four_rows(four, D, to + (ptrdiff_t)(t / OUTER_ROWS * OUTER_ROWS) * width + t % OUTER_ROWS, OUTER_ROWS);
  }
}

static void recur_pack_channels(const float *rows, int width, float *to) {
  for (int d = 0; d < width; d += 4)
    for (int t = 0; t < RECUR_TOKENS; t++)
      v4_store(to + (d / OUTER_ROWS * RECUR_TOKENS + t) * OUTER_ROWS + d % OUTER_ROWS, v4_load(rows + t * width + d));
}

static void recur_pack(const RecurChunk *chunk) {
  const int D = chunk->r->D, width = chunk->width;
  for (int j = 0; j < chunk->heads; j++)
    recur_pack_tokens(recur_query(chunk, j), D, width, chunk->packedQueries + (ptrdiff_t)j * RECUR_TOKENS * width);
  if (chunk->r->mode == RECUR_READ) return;
  recur_pack_channels(chunk->keys, width, chunk->packedKeys);
  if (chunk->r->rule != RULE_ADDITIVE) recur_pack_tokens(chunk->reads, D, width, chunk->packedReads);
  if (chunk->r->rule == RULE_GENERAL) recur_pack_channels(chunk->gains, width, chunk->packedGains);
}

// Tokens [n, n + count), count <= T.
static void recur_chunk_rows(RecurChunk *chunk, int n, int count) {
  const Recurrence *r = chunk->r;
  const int b = chunk->batch, h = chunk->state;
  for (int j = 0; j < chunk->heads; j++)
    rows_fill(recur_token(r->q, &r->qStep, b, chunk->head + j, n), r->qStep.n, count, r->D, r->scale, recur_query(chunk, j), chunk->width);
  if (r->mode == RECUR_READ) return;
  rows_fill(recur_token(r->k, &r->kStep, b, recur_key_head(r, h), n), r->kStep.n, count, r->D, 1.0f, chunk->keys, chunk->width);
  if (r->rule == RULE_DELTA) {
    __builtin_memcpy(chunk->reads, chunk->keys, sizeof(float) * (size_t)(RECUR_TOKENS * chunk->width));
    const float *beta = recur_token(r->beta, &r->betaStep, b, h, n);
    for (int t = 0; t < RECUR_TOKENS; t++) chunk->betas[t] = t < count ? beta[t * r->betaStep.n] : 0.0f;
  }
  if (r->rule == RULE_GENERAL) {
    rows_fill(recur_token(r->a, &r->aStep, b, h, n), r->aStep.n, count, r->D, 1.0f, chunk->reads, chunk->width);
    rows_fill(recur_token(r->b, &r->bStep, b, h, n), r->bStep.n, count, r->D, 1.0f, chunk->gains, chunk->width);
  }
  if (count < RECUR_TOKENS) recur_zero_pairs(chunk, count);
  if (r->decayKind != DECAY_NONE) recur_decays(chunk, n, count);
  if (r->decayKind == DECAY_CHANNEL) recur_channels(chunk, count);
  else recur_numbers(chunk, count);
}

static void recur_chunk_load(RecurChunk *chunk, int n, int count) {
  recur_chunk_rows(chunk, n, count);
  if (!IN_PLACE) recur_pack(chunk);
}

#endif
