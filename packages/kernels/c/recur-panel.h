// A panel of columns of a state, and what a chunk of tokens does to it: three products, through the microkernel of attention.
//
//              columns ->
//          +---------+---------+     reads     Y = K S, then forward substitution for what is written, U
//     d    | strip 0 | strip 1 |     outputs   O = Q S + A U            rows: tokens, depth: channels, then the chunk's tokens
//     |    +---------+---------+     update    S <- diag(c) S + K' U    rows: channels, depth: tokens
//
//   state            strips of nv vectors: [width][nv * LANES]
//   writes, gained   of each strip: [T][nv * LANES]
//
// Columns do not meet: neither the widths of strips nor those of panels change a bit.
#ifndef SACCADE_RECUR_PANEL_H
#define SACCADE_RECUR_PANEL_H

#include "ahead.h"
#include "outer.h"
#include "recur-chunk.h"

typedef struct {
  RecurChunk chunk;
  int from, columns; // of the state
  int vectors, strips;
  float *state, *writes, *gained;
  float *sums;   // the normaliser, [width]
  float *shares; // what an output is divided by, [heads][T]
} StatePanel;

// Vectors that hold so many columns. Where strips have two vectors at most, they all have two: code for one would cost a
// download more than it gains.
INLINE int state_vectors(int columns) {
  return round_up(round_up(columns, LANES) / LANES, PANEL_VECTORS > 2 ? 1 : PANEL_VECTORS);
}

static ptrdiff_t state_scratch(StatePanel *panel, float *base, const Recurrence *r) {
  enum { PARTS = 5 };
  const ptrdiff_t used = recur_chunk_open(&panel->chunk, base, r), width = panel->chunk.width;
  const int columns = state_vectors(r->panel) * LANES, heads = r->H > r->V ? r->H / r->V : 1;
  const ptrdiff_t sizes[PARTS] = {width * columns, (ptrdiff_t)RECUR_TOKENS * columns,
                                  r->rule == RULE_GENERAL ? (ptrdiff_t)RECUR_TOKENS * columns : 0, width, heads * RECUR_TOKENS};
  float **parts[PARTS] = {&panel->state, &panel->writes, &panel->gained, &panel->sums, &panel->shares};
  return used + scratch_parts(base ? base + used : 0, PARTS, sizes, parts);
}

// A strip: its columns in the panel, and its parts of the panel's arrays.
typedef struct {
  int column, nv;
  float *state, *writes, *gained;
} Strip;

INLINE Strip state_strip(const StatePanel *panel, int i) {
  const int each = panel->vectors / panel->strips, more = panel->vectors % panel->strips;
  const int before = i * each + (i < more ? i : more), column = before * LANES;
  const ptrdiff_t rows = (ptrdiff_t)column * RECUR_TOKENS;
  return (Strip){column, each + (i < more), panel->state + (ptrdiff_t)column * panel->chunk.width, panel->writes + rows,
                 panel->gained + rows};
}

// The columns of a strip that the state has; the others are 0 and stay so.
INLINE int strip_columns(const StatePanel *panel, const Strip *strip) {
  const int left = panel->columns - strip->column, all = strip->nv * LANES;
  return left < all ? left : all;
}

INLINE float *state_origin(const StatePanel *panel) {
  const Recurrence *r = panel->chunk.r;
  return r->state + ((ptrdiff_t)panel->chunk.batch * r->V + panel->chunk.state) * r->D * r->E + panel->from;
}

static void state_load(StatePanel *panel) {
  const Recurrence *r = panel->chunk.r;
  const float *from = state_origin(panel);
  for (int i = 0; i < panel->strips; i++) {
    const Strip strip = state_strip(panel, i);
    const int columns = strip_columns(panel, &strip), width = strip.nv * LANES;
    for (int d = 0; d < r->D; d++) row_fill(from + (ptrdiff_t)d * r->E + strip.column, columns, 1.0f, strip.state + d * width, width);
    __builtin_memset(strip.state + r->D * width, 0, sizeof(float) * (size_t)((panel->chunk.width - r->D) * width));
  }
}

static void state_save(const StatePanel *panel) {
  const Recurrence *r = panel->chunk.r;
  float *to = state_origin(panel);
  for (int i = 0; i < panel->strips; i++) {
    const Strip strip = state_strip(panel, i);
    const int columns = strip_columns(panel, &strip), width = strip.nv * LANES;
    for (int d = 0; d < r->D; d++) row_fill(strip.state + d * width, columns, 1.0f, to + (ptrdiff_t)d * r->E + strip.column, columns);
  }
}

// A block of tokens against channels, tokens against tokens, and channels against tokens, as the microkernel's broadcast operand.
INLINE Left left_tokens(const RecurChunk *chunk, TokenRows rows, const float *packed, int block) {
  const int first = block * OUTER_ROWS;
  return IN_PLACE ? (Left){rows.at + first * rows.step, (size_t)rows.step, 1} : packed_left(packed + (ptrdiff_t)first * chunk->width);
}
INLINE Left left_pairs(const float *pairs, int block) {
  return (Left){pairs + block * OUTER_ROWS * RECUR_TOKENS, RECUR_TOKENS, 1};
}
INLINE Left left_channels(TokenRows rows, const float *packed, int d) {
  return IN_PLACE ? (Left){rows.at + d, 1, (size_t)rows.step} : packed_left(packed + (ptrdiff_t)d * RECUR_TOKENS);
}

// Rows of sums <- times a number each, where the operands were not.
INLINE void sums_times(const int nv, const RecurChunk *chunk, const float *factors, int block, vf acc[OUTER_ROWS][PANEL_VECTORS]) {
  if (chunk->r->decayKind == DECAY_CHANNEL) return;
#pragma GCC unroll 8
  for (int i = 0; i < OUTER_ROWS; i++) {
    const vf factor = vf_set(factors[block * OUTER_ROWS + i]);
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) acc[i][v] = vf_mul(acc[i][v], factor);
  }
}

// What the tokens of a block write under the delta rule: u_t = beta_t (v_t - y_t - sum_(s < t) L[t][s] u_s).
INLINE void strip_solve(const int nv, const RecurChunk *chunk, int block, float *writes, vf acc[OUTER_ROWS][PANEL_VECTORS]) {
  const int first = block * OUTER_ROWS;
#pragma GCC unroll 8
  for (int i = 0; i < OUTER_ROWS; i++) {
    float *to = writes + (first + i) * nv * LANES;
    const vf beta = vf_set(chunk->betas[first + i]);
    vf u[PANEL_VECTORS];
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) {
      u[v] = vf_mul(beta, vf_sub(vf_load(to + v * LANES), acc[i][v]));
      vf_store(to + v * LANES, u[v]);
    }
#pragma GCC unroll 8
    for (int j = i + 1; j < OUTER_ROWS; j++) {
      const vf weight = vf_set(chunk->readKeys[(first + j) * RECUR_TOKENS + first + i]);
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++) acc[j][v] = vf_accumulate(acc[j][v], weight, u[v]);
    }
  }
}

// What the tokens of a block read under the general rule: y_t <- y_t + sum_(s < t) L[t][s] y_s.
INLINE void strip_gain(const int nv, const RecurChunk *chunk, int block, float *gained, vf acc[OUTER_ROWS][PANEL_VECTORS]) {
  const int first = block * OUTER_ROWS;
#pragma GCC unroll 8
  for (int i = 0; i < OUTER_ROWS; i++) {
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) vf_store(gained + ((first + i) * nv + v) * LANES, acc[i][v]);
#pragma GCC unroll 8
    for (int j = i + 1; j < OUTER_ROWS; j++) {
      const vf weight = vf_set(chunk->readGains[(first + j) * RECUR_TOKENS + first + i]);
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++) acc[j][v] = vf_accumulate(acc[j][v], weight, acc[i][v]);
    }
  }
}

INLINE void strip_reads(const int nv, const RecurChunk *chunk, const Strip *strip, int blocks) {
  const int general = chunk->r->rule == RULE_GENERAL;
#pragma GCC unroll 1
  for (int block = 0; block < blocks; block++) {
    vf acc[OUTER_ROWS][PANEL_VECTORS];
    const int before = block * OUTER_ROWS;
    outer(nv, chunk->r->D, left_tokens(chunk, chunk->x, chunk->packedReads, block), strip->state, acc);
    if (chunk->r->decayKind != DECAY_NONE) sums_times(nv, chunk, chunk->readFactors, block, acc);
    if (general) {
      outer_few(nv, before + OUTER_ROWS, left_pairs(chunk->readKeys, block), strip->writes, acc);
      outer_few(nv, before, left_pairs(chunk->readGains, block), strip->gained, acc);
      strip_gain(nv, chunk, block, strip->gained, acc);
    } else {
      outer_few(nv, before, left_pairs(chunk->readKeys, block), strip->writes, acc);
      strip_solve(nv, chunk, block, strip->writes, acc);
    }
  }
}

// Rows of outputs, [t][columns], each divided by its share of the normaliser; 0 / 0 is 0.
INLINE void strip_store(const int nv, vf acc[OUTER_ROWS][PANEL_VECTORS], const float *shares, int count, int columns, float *out,
                        ptrdiff_t step) {
  float rows[PANEL_VECTORS * LANES];
#pragma GCC unroll 8
  for (int i = 0; i < OUTER_ROWS; i++) {
    if (i < count) {
      float *to = columns == nv * LANES ? out + i * step : rows;
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++) {
        vf x = acc[i][v];
        if (shares) x = shares[i] == 0 ? vf_set(0.0f) : vf_div(x, vf_set(shares[i]));
        vf_store(to + v * LANES, x);
      }
      if (to == rows)
        for (int e = 0; e < columns; e++) out[i * step + e] = rows[e];
    }
  }
}

INLINE void strip_outputs(const int nv, const StatePanel *panel, const Strip *strip, int n, int count) {
  const RecurChunk *chunk = &panel->chunk;
  const Recurrence *r = chunk->r;
  const int columns = strip_columns(panel, strip), own = r->mode != RECUR_READ;
  for (int j = 0; j < chunk->heads; j++) {
    float *out = r->out + chunk->batch * r->outStep.b + (chunk->state * chunk->heads + j) * r->outStep.h + n * r->outStep.n +
                 panel->from + strip->column;
#pragma GCC unroll 1
    for (int block = 0; block * OUTER_ROWS < count; block++) {
      vf acc[OUTER_ROWS][PANEL_VECTORS];
      const int first = block * OUTER_ROWS, until = first + OUTER_ROWS;
      const float *packed = chunk->packedQueries + (ptrdiff_t)j * RECUR_TOKENS * chunk->width;
      outer(nv, r->D, left_tokens(chunk, recur_queries(chunk, j), packed, block), strip->state, acc);
      sums_times(nv, chunk, chunk->queryFactors, block, acc);
      if (own) outer_few(nv, until, left_pairs(recur_pairs(chunk->queryKeys, j), block), strip->writes, acc);
      if (own && r->rule == RULE_GENERAL)
        outer_few(nv, until, left_pairs(recur_pairs(chunk->queryGains, j), block), strip->gained, acc);
      strip_store(nv, acc, r->sums ? panel->shares + j * RECUR_TOKENS + first : 0, count - first, columns,
                  out + first * r->outStep.n, r->outStep.n);
    }
  }
}

// What tokens wrote, less what decays until the chunk's end.
INLINE void writes_fade(const int nv, const RecurChunk *chunk, float *writes, int tokens) {
  for (int t = 0; t < tokens; t++) {
    const vf factor = vf_set(chunk->writeFactors[t]);
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) vf_store(writes + (t * nv + v) * LANES, vf_mul(vf_load(writes + (t * nv + v) * LANES), factor));
  }
}

// Rows of the next chunk, or the one after it, asked for a few lines at a time between the products of this one: in one go, requests fill
// the queue to memory and the products wait behind them (4 to 14% more time).
enum { NEXT_CELLS = 64 * 64 };
enum { NEXT_ROWS = 6, NEXT_LINES = (RECUR_TOKENS * OUTER_ROWS + AHEAD_FLOATS - 1) / AHEAD_FLOATS };

typedef struct {
  Ahead rows[NEXT_ROWS], out; // of the first head that reads the state
  int count;
} NextChunk;

INLINE Ahead next_rows(const float *at, ptrdiff_t step, int columns) {
  return ahead_of((const char *)at, step * (ptrdiff_t)sizeof(float), columns * (int)sizeof(float), RECUR_TOKENS);
}

INLINE void next_add(NextChunk *next, const float *at, ptrdiff_t step, int columns) {
  next->rows[next->count++] = next_rows(at, step, columns);
}

// From token n on.
static void next_open(NextChunk *next, const StatePanel *panel, int n) {
  const RecurChunk *chunk = &panel->chunk;
  const Recurrence *r = chunk->r;
  const int b = chunk->batch, s = chunk->state;
  *next = (NextChunk){0};
  if (chunk->heads) {
    const float *out = recur_token(r->out, &r->outStep, b, s * chunk->heads, n) + panel->from;
    next->out = next_rows(out, r->outStep.n, panel->columns);
    next_add(next, recur_token(r->q, &r->qStep, b, chunk->head, n), r->qStep.n, r->D);
  }
  if (r->mode == RECUR_READ) return;
  next_add(next, recur_token(r->k, &r->kStep, b, recur_key_head(r, s), n), r->kStep.n, r->D);
  next_add(next, recur_token(r->v, &r->vStep, b, s, n) + panel->from, r->vStep.n, panel->columns);
  if (r->decayKind == DECAY_CHANNEL) next_add(next, recur_token(r->decay, &r->decayStep, b, s, n), r->decayStep.n, r->D);
  if (r->rule != RULE_GENERAL) return;
  next_add(next, recur_token(r->a, &r->aStep, b, s, n), r->aStep.n, r->D);
  next_add(next, recur_token(r->b, &r->bStep, b, s, n), r->bStep.n, r->D);
}

INLINE void strip_update(const int nv, const StatePanel *panel, const Strip *strip, int n, int tokens) {
  const RecurChunk *chunk = &panel->chunk;
  NextChunk next;
  next.count = 0;
  // A narrow panel is done with a chunk before the next one comes: it asks for the one after (13% less time at D 64, two panels).
  const int chunks = panel->columns * chunk->r->D < NEXT_CELLS ? 2 : 1;
  if (IN_PLACE && tokens == RECUR_TOKENS && strip->column == 0) next_open(&next, panel, n + chunks * tokens);
  const int decays = chunk->r->decayKind != DECAY_NONE;
  if (decays && chunk->r->decayKind != DECAY_CHANNEL) {
    writes_fade(nv, chunk, strip->writes, tokens);
    if (chunk->r->rule == RULE_GENERAL) writes_fade(nv, chunk, strip->gained, tokens);
  }
  for (int d = 0; d < chunk->r->D; d += OUTER_ROWS) {
    vf acc[OUTER_ROWS][PANEL_VECTORS];
    float *state = strip->state + d * nv * LANES;
#pragma GCC unroll 8
    for (int i = 0; i < OUTER_ROWS; i++) {
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++) acc[i][v] = vf_load(state + (i * nv + v) * LANES);
      if (!decays) continue;
      const vf through = vf_set(chunk->through[d + i]);
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++) acc[i][v] = vf_mul(acc[i][v], through);
    }
    for (int i = 0; i < next.count; i++) ahead_ask(&next.rows[i], NEXT_LINES);
    if (next.count) ahead_claim(&next.out, NEXT_LINES);
    outer_few(nv, tokens, left_channels(chunk->k, chunk->packedKeys, d), strip->writes, acc);
    if (chunk->r->rule == RULE_GENERAL)
      outer_few(nv, tokens, left_channels(chunk->g, chunk->packedGains, d), strip->gained, acc);
#pragma GCC unroll 8
    for (int i = 0; i < OUTER_ROWS; i++)
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++) vf_store(state + (i * nv + v) * LANES, acc[i][v]);
  }
}

INLINE void strip_values(const StatePanel *panel, const Strip *strip, int n, int count) {
  const RecurChunk *chunk = &panel->chunk;
  const Recurrence *r = chunk->r;
  const float *v = recur_token(r->v, &r->vStep, chunk->batch, chunk->state, n) + panel->from + strip->column;
  const int columns = strip_columns(panel, strip), width = strip->nv * LANES;
  rows_fill(v, r->vStep.n, count, columns, 1.0f, strip->writes, width);
}

// Where nothing is written there are few products to ask between.
static void next_ask_all(const StatePanel *panel, int n) {
  NextChunk next;
  next_open(&next, panel, n);
  ahead_rest(&next.rows[0]);
  while (ahead_left(&next.out)) ahead_claim(&next.out, 1);
}

// Tokens [n, n + count) of a chunk meet one strip.
INLINE void strip_chunk(const int nv, const StatePanel *panel, const Strip *strip, int n, int count) {
  const RecurChunk *chunk = &panel->chunk;
  const int mode = chunk->r->mode, blocks = (count + OUTER_ROWS - 1) / OUTER_ROWS;
  if (mode != RECUR_READ) {
    strip_values(panel, strip, n, count);
    if (chunk->r->rule != RULE_ADDITIVE) strip_reads(nv, chunk, strip, blocks);
  }
  if (IN_PLACE && mode == RECUR_READ && count == RECUR_TOKENS && strip->column == 0) next_ask_all(panel, n + count);
  if (mode != RECUR_WRITE) strip_outputs(nv, panel, strip, n, count);
  if (mode != RECUR_READ) strip_update(nv, panel, strip, n, count);
}

static void strip_chunk_1(const StatePanel *panel, const Strip *strip, int n, int count) {
  strip_chunk(1, panel, strip, n, count);
}
static void strip_chunk_2(const StatePanel *panel, const Strip *strip, int n, int count) {
  strip_chunk(2, panel, strip, n, count);
}
static void strip_chunk_all(const StatePanel *panel, const Strip *strip, int n, int count) {
  strip_chunk(PANEL_VECTORS, panel, strip, n, count);
}

// Shares of the normaliser for the chunk's queries, then the normaliser after the chunk.
static void state_shares(StatePanel *panel, int count) {
  const RecurChunk *chunk = &panel->chunk;
  const int width = chunk->width, mode = chunk->r->mode, whole = chunk->r->decayKind == DECAY_CHANNEL;
  for (int j = 0; j < chunk->heads; j++) {
    const TokenRows q = recur_queries(chunk, j);
    for (int t = 0; t < count; t++) {
      const float *pairs = recur_pairs(chunk->queryKeys, j) + t * RECUR_TOKENS;
      float share = row_product(q.at + t * q.step, panel->sums, width) * (whole ? 1.0f : chunk->queryFactors[t]);
      for (int s = 0; mode != RECUR_READ && s <= t; s++) share += pairs[s];
      panel->shares[j * RECUR_TOKENS + t] = share;
    }
  }
  if (mode == RECUR_READ) return;
  for (int d = 0; d < width; d += LANES) {
    vf sum = vf_mul(vf_load(panel->sums + d), vf_load(chunk->through + d));
    for (int t = 0; t < count; t++)
      sum = vf_accumulate(sum, vf_set(whole ? 1.0f : chunk->writeFactors[t]), vf_load(chunk->k.at + t * chunk->k.step + d));
    vf_store(panel->sums + d, sum);
  }
}

static void state_chunk(StatePanel *panel, int n, int count) {
  recur_chunk_load(&panel->chunk, n, count);
  if (panel->chunk.r->sums) state_shares(panel, count);
  for (int i = 0; i < panel->strips; i++) {
    const Strip strip = state_strip(panel, i);
    if (PANEL_VECTORS > 2 && strip.nv == 1) strip_chunk_1(panel, &strip, n, count);
    else if (PANEL_VECTORS > 2 && strip.nv == 2) strip_chunk_2(panel, &strip, n, count);
    else strip_chunk_all(panel, &strip, n, count);
  }
}

#endif
