// One token of a recurrence, on the state where it lies: for decoding, where the state comes from memory and goes back.
//
//   additive   S_d <- w_d S_d + k_d v'                       and in the same pass o += q_d S_d
//   delta      first y = sum_d k_d w_d S_d,  u = beta (v - y), then as above with u
//   general    first y = sum_d a_d S_d,      then with k_d v + b_d y
//
// A row of the state is one run of up to STEP_VECTORS vectors; the second pass finds the state in a cache near by.
#ifndef SACCADE_RECUR_STEP_H
#define SACCADE_RECUR_STEP_H

#include "recur-panel.h"

// With 32 registers, sums and values of 8 vectors; with 16, of 4.
enum { STEP_VECTORS = OUTER_ROWS * PANEL_VECTORS >= 24 ? 8 : 4 };

// The token's numbers for every channel, from the chunk's arrays. Without decay `w` is ones.
typedef struct {
  const Recurrence *r;
  const float *q, *k, *w, *a, *b;
  float beta;
} StepRows;

// Columns [0, nv * LANES) of a state from `state` on; `out` <- q' S after the write, or without writing.
INLINE void step_columns(const int nv, const StepRows *rows, float *state, const float *v, float *out, float share) {
  const Recurrence *r = rows->r;
  const ptrdiff_t E = r->E;
  vf u[STEP_VECTORS], y[STEP_VECTORS], o[STEP_VECTORS];
#pragma GCC unroll 8
  for (int i = 0; i < nv; i++) u[i] = v ? vf_load(v + i * LANES) : vf_set(0.0f), y[i] = o[i] = vf_set(0.0f);
  if (v && r->rule != RULE_ADDITIVE) {
    const float *x = r->rule == RULE_DELTA ? rows->k : rows->a;
    for (int d = 0; d < r->D; d++) {
      const vf xd = vf_set(r->rule == RULE_DELTA ? x[d] * rows->w[d] : x[d]);
#pragma GCC unroll 8
      for (int i = 0; i < nv; i++) y[i] = vf_accumulate(y[i], xd, vf_load(state + d * E + i * LANES));
    }
    if (r->rule == RULE_DELTA)
#pragma GCC unroll 8
      for (int i = 0; i < nv; i++) u[i] = vf_mul(vf_set(rows->beta), vf_sub(u[i], y[i]));
  }
  for (int d = 0; d < r->D; d++) {
    float *cell = state + d * E;
    const vf qd = vf_set(rows->q ? rows->q[d] : 0.0f);
    if (!v) {
#pragma GCC unroll 8
      for (int i = 0; i < nv; i++) o[i] = vf_accumulate(o[i], qd, vf_load(cell + i * LANES));
      continue;
    }
    const vf kd = vf_set(rows->k[d]), wd = vf_set(rows->w[d]), bd = vf_set(r->rule == RULE_GENERAL ? rows->b[d] : 0.0f);
#pragma GCC unroll 8
    for (int i = 0; i < nv; i++) {
      vf s = vf_fma(vf_load(cell + i * LANES), wd, vf_mul(kd, u[i]));
      if (r->rule == RULE_GENERAL) s = vf_accumulate(s, bd, y[i]);
      vf_store(cell + i * LANES, s);
      o[i] = vf_accumulate(o[i], qd, s);
    }
  }
  if (!out) return;
#pragma GCC unroll 8
  for (int i = 0; i < nv; i++) {
    if (r->sums) o[i] = share == 0 ? vf_set(0.0f) : vf_div(o[i], vf_set(share));
    vf_store(out + i * LANES, o[i]);
  }
}

// The same for columns that do not fill a vector.
static void step_column(const StepRows *rows, float *state, const float *v, float *out, float share) {
  const Recurrence *r = rows->r;
  const ptrdiff_t E = r->E;
  float u = v ? *v : 0, y = 0, o = 0;
  if (v && r->rule != RULE_ADDITIVE) {
    for (int d = 0; d < r->D; d++) y += (r->rule == RULE_DELTA ? rows->k[d] * rows->w[d] : rows->a[d]) * state[d * E];
    if (r->rule == RULE_DELTA) u = rows->beta * (u - y);
  }
  for (int d = 0; d < r->D; d++) {
    if (v) state[d * E] = state[d * E] * rows->w[d] + rows->k[d] * u + (r->rule == RULE_GENERAL ? rows->b[d] * y : 0);
    if (rows->q) o += rows->q[d] * state[d * E];
  }
  if (out) *out = !r->sums ? o : share == 0 ? 0 : o / share;
}

// `v` is null where only the state is read, `out` where it is only written.
static void step_run(const StepRows *rows, int columns, float *state, const float *v, float *out, float share) {
  int e = 0;
#define STEP(NV)                                                                                                        \
  for (; NV <= STEP_VECTORS && e + NV * LANES <= columns; e += NV * LANES)                                              \
  step_columns(NV <= STEP_VECTORS ? NV : 1, rows, state + e, v ? v + e : 0, out ? out + e : 0, share)
  STEP(8);
  STEP(4);
  STEP(2);
  STEP(1);
#undef STEP
  for (; e < columns; e++) step_column(rows, state + e, v ? v + e : 0, out ? out + e : 0, share);
}

// Token n of a panel, its state in place.
static void step_token(StatePanel *panel, int n) {
  RecurChunk *chunk = &panel->chunk;
  const Recurrence *r = chunk->r;
  const int b = chunk->batch, s = chunk->state, width = chunk->width, writes = r->mode != RECUR_READ;
  StepRows rows = {.r = r, .k = chunk->keys, .w = chunk->ones, .a = chunk->reads, .b = chunk->gains};
  if (writes) {
    row_fill(recur_token(r->k, &r->kStep, b, recur_key_head(r, s), n), r->D, 1.0f, chunk->keys, width);
    if (r->rule == RULE_DELTA) rows.beta = *recur_token(r->beta, &r->betaStep, b, s, n);
    if (r->rule == RULE_GENERAL) {
      row_fill(recur_token(r->a, &r->aStep, b, s, n), r->D, 1.0f, chunk->reads, width);
      row_fill(recur_token(r->b, &r->bStep, b, s, n), r->D, 1.0f, chunk->gains, width);
    }
    if (r->decayKind != DECAY_NONE) {
      recur_decays(chunk, n, 1);
      if (r->decayKind != DECAY_CHANNEL)
        for (int d = 0; d < width; d++) chunk->through[d] = chunk->decays[0];
      rows.w = r->decayKind == DECAY_CHANNEL ? chunk->decays : chunk->through;
    }
    for (int d = 0; r->sums && d < width; d += LANES)
      vf_store(panel->sums + d, vf_fma(vf_load(panel->sums + d), vf_load(rows.w + d), vf_load(chunk->keys + d)));
  }
  float *state = state_origin(panel);
  const float *v = writes ? recur_token(r->v, &r->vStep, b, s, n) + panel->from : 0;
  if (r->mode == RECUR_WRITE) step_run(&rows, panel->columns, state, v, 0, 1);
  for (int j = 0; j < chunk->heads; j++, v = 0) {
    float *out = r->out + b * r->outStep.b + (s * chunk->heads + j) * r->outStep.h + n * r->outStep.n + panel->from;
    row_fill(recur_token(r->q, &r->qStep, b, chunk->head + j, n), r->D, r->scale, chunk->queries, width);
    rows.q = chunk->queries;
    step_run(&rows, panel->columns, state, v, out, r->sums ? row_product(chunk->queries, panel->sums, width) : 1);
  }
}

#endif
