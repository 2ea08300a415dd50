// The end of rows: learned sinks enter the denominator, outputs and lse are written; or a part's state is kept, and
// the last part to arrive joins them all.
#ifndef SACCADE_FINISH_H
#define SACCADE_FINISH_H

#include "elementary.h"
#include "panel.h"
#include "rows.h"

// exp for one number, by the same arithmetic as the vectors.
INLINE float exp_one(float x) {
  float lanes[LANES];
  vf_store(lanes, vf_exp(vf_set(x)));
  return lanes[0];
}

// The factor that turns acc into the output, and the row's lse.
//
//   m' = max(m, sink), l' = l exp(m - m') + exp(sink - m'), out = acc exp(m - m') / l', lse = m' + log l'
static float finish_row(const Rows *rows, int r, float max, float sum) {
  float shrink = 1;
  if (rows->job->learnedSinks) {
    const float sink = rows_sink(rows, r), top = sink > max ? sink : max;
    if (top > -__builtin_inff()) {
      shrink = exp_one(max - top);
      sum = sum * shrink + exp_one(sink - top);
      max = top;
    }
  }
  if (rows->job->lse) *rows_lse(rows, r) = sum == 0 ? -__builtin_inff() : (float)(max + log_of_sum(sum));
  return sum == 0 ? 0.0f : shrink / sum;
}

// to[r][e] = acc[e][r] * factor[r] for the rows of a panel.
static void panel_write(const Panel *panel, int E, const float *factor, float *const to[]) {
  const int width = panel->vectors * LANES;
  for (int r = 0; r < panel->rows; r += 4) {
    const v4 f = v4_load(factor + r);
    int e = 0;
    for (; e + 4 <= E; e += 4) {
      v4 x[4];
      for (int i = 0; i < 4; i++) x[i] = v4_mul(f, v4_load(panel->acc + (e + i) * width + r));
      v4_transpose(x);
      for (int i = 0; i < 4; i++)
        if (r + i < panel->rows) v4_store(to[r + i] + e, x[i]);
    }
    for (; e < E; e++)
      for (int i = 0; i < 4 && r + i < panel->rows; i++) to[r + i][e] = panel->acc[e * width + r + i] * factor[r + i];
  }
}

static void panel_finish(const Panel *panel, const Rows *rows) {
  float factor[PANEL_VECTORS * LANES] = {0};
  float *to[PANEL_VECTORS * LANES];
  for (int r = 0; r < panel->rows; r++) {
    factor[r] = finish_row(rows, panel->first + r, panel->max[r], panel->sum[r]);
    to[r] = rows_out(rows, panel->first + r);
  }
  panel_write(panel, rows->job->E, factor, to);
}

// A running state with rows outside: max [rows], sum [rows], acc [rows][E].
typedef struct {
  float *max, *sum, *acc;
} Slot;

INLINE ptrdiff_t slot_size(int rows, int E) { return (ptrdiff_t)rows * (2 + E); }
INLINE Slot slot_at(float *floats, int rows) { return (Slot){floats, floats + rows, floats + 2 * rows}; }

static void slot_begin(Slot slot, int rows, int E) {
  for (int r = 0; r < rows; r++) {
    slot.max[r] = -__builtin_inff();
    slot.sum[r] = 0;
  }
  for (ptrdiff_t i = 0; i < (ptrdiff_t)rows * E; i++) slot.acc[i] = 0;
}

static void panel_keep(const Panel *panel, int E, Slot slot) {
  float one[PANEL_VECTORS * LANES];
  float *to[PANEL_VECTORS * LANES];
  for (int r = 0; r < PANEL_VECTORS * LANES; r++) one[r] = 1;
  for (int r = 0; r < panel->rows; r++) {
    slot.max[panel->first + r] = panel->max[r];
    slot.sum[panel->first + r] = panel->sum[r];
    to[r] = slot.acc + (ptrdiff_t)(panel->first + r) * E;
  }
  panel_write(panel, E, one, to);
}

// Where a row of a gathered task stands in its unit's slot, whose rows begin at query `start`.
INLINE ptrdiff_t gathered_row(const Rows *rows, int start, int r) {
  const int heads = rows->unit->heads;
  return (ptrdiff_t)(rows_query(rows, r) - start) * heads + r % heads;
}

static void panel_fetch(const Panel *panel, const Rows *rows, int start, Slot slot) {
  const int width = panel->vectors * LANES, E = rows->job->E;
  for (int r = 0; r < width; r += 4) {
    const float *from[4];
    for (int i = 0; i < 4; i++) {
      // Lanes without a row repeat the last one; they are never put back.
      const int lane = r + i < panel->rows ? r + i : panel->rows - 1;
      const ptrdiff_t row = gathered_row(rows, start, panel->first + lane);
      panel->max[r + i] = slot.max[row];
      panel->sum[r + i] = slot.sum[row];
      from[i] = slot.acc + row * E;
    }
    pack_four_rows(from, E, panel->acc + r, width);
  }
  for (int i = E * width; i < round_up(E, OUTER_ROWS) * width; i++) panel->acc[i] = 0;
}

static void panel_return(const Panel *panel, const Rows *rows, int start, Slot slot) {
  float one[PANEL_VECTORS * LANES];
  float *to[PANEL_VECTORS * LANES];
  for (int r = 0; r < PANEL_VECTORS * LANES; r++) one[r] = 1;
  for (int r = 0; r < panel->rows; r++) {
    const ptrdiff_t row = gathered_row(rows, start, panel->first + r);
    slot.max[row] = panel->max[r];
    slot.sum[row] = panel->sum[r];
    to[r] = slot.acc + row * rows->job->E;
  }
  panel_write(panel, rows->job->E, one, to);
}

static void slot_finish(const Rows *rows, Slot slot) {
  const int E = rows->job->E;
  for (int r = 0; r < rows->count; r++) {
    const float factor = finish_row(rows, r, slot.max[r], slot.sum[r]);
    float *to = rows_out(rows, r);
    for (int e = 0; e < E; e++) to[e] = slot.acc[(ptrdiff_t)r * E + e] * factor;
  }
}

// Joins the parts into the first one, in ascending order whoever does it: the bits must not depend on who came last.
static void slots_join(const Rows *rows, float *first, ptrdiff_t stride, int parts) {
  const int E = rows->job->E;
  const Slot into = slot_at(first, rows->count);
  for (int p = 1; p < parts; p++) {
    const Slot part = slot_at(first + p * stride, rows->count);
    for (int r = 0; r < rows->count; r++) {
      if (part.sum[r] == 0) continue; // saw nothing
      const float top = part.max[r] > into.max[r] ? part.max[r] : into.max[r];
      const float zero = top == -__builtin_inff() ? 0.0f : top; // a row of NaN scores has no maximum
      const float a = exp_one(into.max[r] - zero), b = exp_one(part.max[r] - zero);
      into.max[r] = top;
      into.sum[r] = into.sum[r] * a + part.sum[r] * b;
      float *acc = into.acc + (ptrdiff_t)r * E;
      const float *other = part.acc + (ptrdiff_t)r * E;
      for (int e = 0; e < E; e++) acc[e] = acc[e] * a + other[e] * b;
    }
  }
}

#endif
