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
// Where c and r are one number for each token, they multiply sums instead of rows:
//
//   (q_t c_t)' S = c_t (q_t' S)     (k_s r_s) u_s' = k_s (r_s u_s)'
//
// so that rows are read where they lie. Otherwise, and where they do not fill whole vectors, they are copies:
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

// Tokens of a chunk, T, a multiple of the microkernel's rows. Longer chunks cost more products of tokens with each other than they save,
// shorter ones more walks over the state: docs/linear.md has the figures, `bench:recurrence` measures them again.
#ifdef RECUR_CHUNK
enum { RECUR_TOKENS = RECUR_CHUNK };
#else
enum { RECUR_TOKENS = 8 };
#endif

// Rows of a chunk's tokens, and how far apart they are.
typedef struct {
  const float *at;
  ptrdiff_t step;
} TokenRows;

// Where a chunk stands, and what of it does not depend on the panel.
typedef struct {
  const Recurrence *r;
  int batch, state; // the value head
  int heads, head;  // query heads that read this state, the first of them
  int width, inPlace;
  TokenRows q, k, x, g; // queries of the first head, keys, what is read (k or a), gains (b): in place, or those below
  ptrdiff_t qHead;      // from the queries of a head to those of the next
  // Copies. With a decay for every channel they are multiplied by it, and queries by the scale.
  float *queries;      // [heads][T][width]   q c
  float *reads;        // [T][width]          k c (delta), a c of the token before (general)
  float *keys, *gains; // [T][width]          k r; b r (general)
  // What sums are multiplied by where rows are not, [T]: scale c; c, or that of the token before; r.
  float *queryFactors, *readFactors, *writeFactors;
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
  enum { PARTS = 19 };
  const int heads = r->H > r->V ? r->H / r->V : 1, width = recur_width(r->D);
  const ptrdiff_t rows = (ptrdiff_t)RECUR_TOKENS * width, pairs = (ptrdiff_t)RECUR_TOKENS * RECUR_TOKENS;
  const int reads = r->rule != RULE_ADDITIVE, gains = r->rule == RULE_GENERAL, packs = !IN_PLACE;
  *chunk = (RecurChunk){.r = r, .heads = r->mode == RECUR_WRITE ? 0 : heads, .width = width};
  const ptrdiff_t sizes[PARTS] = {heads * rows, reads * rows, rows, gains * rows, rows, width,
                                  heads * pairs, gains * heads * pairs, reads * pairs, gains * pairs, RECUR_TOKENS, width,
                                  packs * heads * rows, packs * reads * rows, packs * rows, packs * gains * rows,
                                  RECUR_TOKENS, RECUR_TOKENS, RECUR_TOKENS};
  float **parts[PARTS] = {&chunk->queries, &chunk->reads, &chunk->keys, &chunk->gains, &chunk->decays, &chunk->through,
                          &chunk->queryKeys, &chunk->queryGains, &chunk->readKeys, &chunk->readGains, &chunk->betas, &chunk->ones,
                          &chunk->packedQueries, &chunk->packedReads, &chunk->packedKeys, &chunk->packedGains,
                          &chunk->queryFactors, &chunk->readFactors, &chunk->writeFactors};
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

// `count` rows of `columns` numbers, and zeros up to row T.
static __attribute__((noinline)) void rows_fill(const float *from, ptrdiff_t step, int count, int columns, float factor, float *to, int width) {
  for (int t = 0; t < count; t++) row_fill(from + t * step, columns, factor, to + t * width, width);
  if (count < RECUR_TOKENS) __builtin_memset(to + count * width, 0, sizeof(float) * (size_t)((RECUR_TOKENS - count) * width));
}

// to[i * T + s] = x[i] . rows[s] for `n` rows and s < count, in fours: up to three more are written.
INLINE void recur_products(const int n, TokenRows x, TokenRows rows, int count, int width, float *to) {
  const float *row = rows.at;
  for (int s = 0; s < count; s += 4, row += 4 * rows.step) {
    vf sums[4][4];
#pragma GCC unroll 4
    for (int i = 0; i < n; i++)
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) sums[i][j] = vf_set(0.0f);
    for (int d = 0; d < width; d += LANES) {
      vf y[4];
#pragma GCC unroll 4
      for (int j = 0; j < 4; j++) y[j] = vf_load(row + j * rows.step + d);
#pragma GCC unroll 4
      for (int i = 0; i < n; i++) {
        const vf z = vf_load(x.at + i * x.step + d);
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
  recur_products(1, (TokenRows){x, 0}, (TokenRows){rows, width}, count, width, to);
}

// Products of tokens [t, t + 4) with the rows up to them.
static __attribute__((noinline)) void recur_four(const RecurChunk *chunk, TokenRows x, TokenRows rows, int t, float *pairs) {
  // As many sums as the registers hold.
  enum { AT_ONCE = OUTER_ROWS * PANEL_VECTORS >= 16 ? 4 : 2 };
  for (int i = 0; i < 4; i += AT_ONCE)
    recur_products(AT_ONCE, (TokenRows){x.at + (t + i) * x.step, x.step}, rows, t + 4, chunk->width, pairs + (t + i) * RECUR_TOKENS);
}

// Row t of `pairs` <- 0 from `count` on.
INLINE void pairs_end(float *pairs, int t, int count) {
  float *row = pairs + t * RECUR_TOKENS;
  int s = count;
  for (; s % 4; s++) row[s] = 0.0f;
  for (; s < RECUR_TOKENS; s += 4) v4_store(row + s, v4_set(0.0f));
}

// Row t of `pairs` <- times `factor` and those of earlier tokens, up to `count`; 0 from there on.
INLINE void pairs_times(float *pairs, int t, const float *factors, float factor, int count) {
  float *row = pairs + t * RECUR_TOKENS;
  const v4 f = v4_set(factor);
  for (int s = 0; s < count; s += 4) v4_store(row + s, v4_mul(v4_load(row + s), v4_mul(v4_load(factors + s), f)));
  pairs_end(pairs, t, count);
}

// The copied query rows of head j, what is read of them, and what their pairs are.
INLINE float *recur_query(const RecurChunk *chunk, int j) { return chunk->queries + (ptrdiff_t)j * RECUR_TOKENS * chunk->width; }
INLINE TokenRows recur_queries(const RecurChunk *chunk, int j) { return (TokenRows){chunk->q.at + j * chunk->qHead, chunk->q.step}; }
INLINE float *recur_pairs(float *pairs, int j) { return pairs + (ptrdiff_t)j * RECUR_TOKENS * RECUR_TOKENS; }

// Where nothing is written: queries are multiplied by the scale alone.
INLINE void recur_unwritten(const RecurChunk *chunk) {
  for (int t = 0; t < RECUR_TOKENS; t++) chunk->queryFactors[t] = chunk->r->scale;
}

// Decay by one number a token, or none: products first, factors afterwards. factors[s] is w_(s+1) .. w_t.
static __attribute__((noinline)) void recur_numbers(const RecurChunk *chunk, int count) {
  const int width = chunk->width, rule = chunk->r->rule, decays = chunk->r->decayKind != DECAY_NONE;
  const int reads = rule != RULE_ADDITIVE, gains = rule == RULE_GENERAL;
  for (int t = 0; t < count; t += 4) {
    if (reads) recur_four(chunk, chunk->x, chunk->k, t, chunk->readKeys);
    if (gains) recur_four(chunk, chunk->x, chunk->g, t, chunk->readGains);
    for (int j = 0; j < chunk->heads; j++) {
      recur_four(chunk, recur_queries(chunk, j), chunk->k, t, recur_pairs(chunk->queryKeys, j));
      if (gains) recur_four(chunk, recur_queries(chunk, j), chunk->g, t, recur_pairs(chunk->queryGains, j));
    }
  }
  const float scale = chunk->r->scale;
  // A decay by head makes the same product in every chunk: in single precision its error would add up from chunk to chunk.
  double product = 1;
  float *factors = chunk->writeFactors;
  for (int t = 0; t < RECUR_TOKENS; t++) factors[t] = 1.0f, chunk->queryFactors[t] = scale, chunk->readFactors[t] = 1.0f;
  for (int t = 0; t < count; t++) {
    // The general rule reads before the token's own decay.
    if (gains) {
      chunk->readFactors[t] = (float)product;
      pairs_times(chunk->readKeys, t, factors, 1.0f, t);
      pairs_times(chunk->readGains, t, factors, 1.0f, t);
    }
    if (decays) {
      const v4 w = v4_set(chunk->decays[t]);
      for (int s = 0; s < t; s += 4) v4_store(factors + s, v4_mul(v4_load(factors + s), w));
      for (int s = t; s < round_up(t, 4); s++) factors[s] = 1.0f;
      product *= chunk->decays[t];
    }
    if (rule == RULE_DELTA) {
      chunk->readFactors[t] = (float)product;
      pairs_times(chunk->readKeys, t, factors, 1.0f, t);
    }
    chunk->queryFactors[t] = scale * (float)product;
    for (int j = 0; j < chunk->heads; j++) {
      pairs_times(recur_pairs(chunk->queryKeys, j), t, factors, scale, t + 1);
      if (gains) pairs_times(recur_pairs(chunk->queryGains, j), t, factors, scale, t + 1);
    }
  }
  if (decays || chunk->r->sums)
    for (int d = 0; d < width; d++) chunk->through[d] = (float)product;
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
static __attribute__((noinline)) void recur_channels(RecurChunk *chunk, int count) {
  const int width = chunk->width, rule = chunk->r->rule, delta = rule == RULE_DELTA;
  for (int d = 0; d < width; d++) chunk->through[d] = 1.0f;
  // What is read of a key is decayed before it, the key itself after it.
  if (delta) {
    __builtin_memcpy(chunk->reads, chunk->keys, sizeof(float) * (size_t)(RECUR_TOKENS * width));
    chunk->x.at = chunk->reads;
  }
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

static void recur_pack_tokens(TokenRows rows, int D, int width, float *to) {
  for (int t = 0; t < RECUR_TOKENS; t += 4) {
    const float *four[4];
    for (int i = 0; i < 4; i++) four[i] = rows.at + (t + i) * rows.step;
    pack_four_rows(four, D, to + (ptrdiff_t)(t / OUTER_ROWS * OUTER_ROWS) * width + t % OUTER_ROWS, OUTER_ROWS);
  }
}

static void recur_pack_channels(TokenRows rows, int width, float *to) {
  for (int d = 0; d < width; d += 4)
    for (int t = 0; t < RECUR_TOKENS; t++)
      v4_store(to + (d / OUTER_ROWS * RECUR_TOKENS + t) * OUTER_ROWS + d % OUTER_ROWS, v4_load(rows.at + t * rows.step + d));
}

static void recur_pack(const RecurChunk *chunk) {
  const int D = chunk->r->D, width = chunk->width;
  for (int j = 0; j < chunk->heads; j++)
    recur_pack_tokens(recur_queries(chunk, j), D, width, chunk->packedQueries + (ptrdiff_t)j * RECUR_TOKENS * width);
  if (chunk->r->mode == RECUR_READ) return;
  recur_pack_channels(chunk->k, width, chunk->packedKeys);
  if (chunk->r->rule != RULE_ADDITIVE) recur_pack_tokens(chunk->x, D, width, chunk->packedReads);
  if (chunk->r->rule == RULE_GENERAL) recur_pack_channels(chunk->g, width, chunk->packedGains);
}

// A chunk of whole vectors whose rows nothing is multiplied into is read where it lies.
INLINE int recur_rows_in_place(const Recurrence *r, int count) {
  return count == RECUR_TOKENS && r->decayKind != DECAY_CHANNEL && r->D == recur_width(r->D);
}

// `copy` of rows of the call, or the rows themselves.
INLINE TokenRows recur_rows(const RecurChunk *chunk, const float *from, ptrdiff_t step, int count, float factor, float *copy) {
  if (chunk->inPlace) return (TokenRows){from, step};
  rows_fill(from, step, count, chunk->r->D, factor, copy, chunk->width);
  return (TokenRows){copy, chunk->width};
}

// Tokens [n, n + count), count <= T.
static void recur_chunk_rows(RecurChunk *chunk, int n, int count) {
  const Recurrence *r = chunk->r;
  const int b = chunk->batch, h = chunk->state, channels = r->decayKind == DECAY_CHANNEL;
  chunk->inPlace = recur_rows_in_place(r, count);
  chunk->qHead = chunk->inPlace ? r->qStep.h : (ptrdiff_t)RECUR_TOKENS * chunk->width;
  for (int j = chunk->heads - 1; j >= 0; j--)
    chunk->q = recur_rows(chunk, recur_token(r->q, &r->qStep, b, chunk->head + j, n), r->qStep.n, count, channels ? r->scale : 1.0f,
                          recur_query(chunk, j));
  if (r->mode == RECUR_READ) {
    recur_unwritten(chunk);
    return;
  }
  chunk->k = recur_rows(chunk, recur_token(r->k, &r->kStep, b, recur_key_head(r, h), n), r->kStep.n, count, 1.0f, chunk->keys);
  if (r->rule == RULE_DELTA) {
    chunk->x = chunk->k;
    const float *beta = recur_token(r->beta, &r->betaStep, b, h, n);
    for (int t = 0; t < RECUR_TOKENS; t++) chunk->betas[t] = t < count ? beta[t * r->betaStep.n] : 0.0f;
  }
  if (r->rule == RULE_GENERAL) {
    chunk->x = recur_rows(chunk, recur_token(r->a, &r->aStep, b, h, n), r->aStep.n, count, 1.0f, chunk->reads);
    chunk->g = recur_rows(chunk, recur_token(r->b, &r->bStep, b, h, n), r->bStep.n, count, 1.0f, chunk->gains);
  }
  if (count < RECUR_TOKENS) recur_zero_pairs(chunk, count);
  if (r->decayKind != DECAY_NONE) recur_decays(chunk, n, count);
  if (channels) recur_channels(chunk, count);
  else recur_numbers(chunk, count);
}

static void recur_chunk_load(RecurChunk *chunk, int n, int count) {
  recur_chunk_rows(chunk, n, count);
  if (!IN_PLACE) recur_pack(chunk);
}

#endif
