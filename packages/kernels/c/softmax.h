// The online softmax of a panel: scores become weights, and the running (max, sum, acc) moves to the new maximum.
#ifndef SACCADE_SOFTMAX_H
#define SACCADE_SOFTMAX_H

#include "elementary.h"
#include "outer.h"
#include "panel.h"
#include "tile.h"

// A row that has seen nothing has the maximum -Infinity; subtracting it from itself would give NaN.
INLINE vf finite_maximum(vf top) { return vf_select(vf_equal(top, vf_set(-__builtin_inff())), vf_set(0.0f), top); }

// scores[j][row] <- exp(factor s - m) for the span; alpha receives exp(mOld - m), by which older sums shrink.
INLINE void softmax_weights(const int nv, const Panel *panel, Span span, float factor, float *scores,
                            const vf top[PANEL_VECTORS], vf alpha[PANEL_VECTORS]) {
  const int width = nv * LANES;
  vf less[PANEL_VECTORS], sum[PANEL_VECTORS], old[PANEL_VECTORS];
#pragma GCC unroll 8
  for (int v = 0; v < nv; v++) {
    old[v] = vf_load(panel->max + v * LANES);
    const vf now = vf_max(vf_mul(top[v], vf_set(factor)), old[v]);
    less[v] = vf_sub(vf_set(0.0f), finite_maximum(now));
    alpha[v] = vf_exp(vf_add(old[v], less[v]));
    vf_store(panel->max + v * LANES, now);
    sum[v] = vf_set(0.0f);
  }
  // Sums of SUM_KEYS weights first, then sums of those: one long chain of additions would lose more than the weights do.
  enum { SUM_KEYS = 16 };
  for (int first = span.from; first < span.to; first += SUM_KEYS) {
    const int last = span.to - first < SUM_KEYS ? span.to : first + SUM_KEYS;
    vf some[PANEL_VECTORS];
    for (int v = 0; v < nv; v++) some[v] = vf_set(0.0f);
    for (int j = first; j < last; j++) {
      float *row = scores + j * width;
      vf p[PANEL_VECTORS];
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++) p[v] = vf_fma(vf_load(row + v * LANES), vf_set(factor), less[v]);
      vf_exp_each(nv, p);
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++) {
        some[v] = vf_add(some[v], p[v]);
        vf_store(row + v * LANES, p[v]);
      }
    }
    for (int v = 0; v < nv; v++) sum[v] = vf_add(sum[v], some[v]);
  }
#pragma GCC unroll 8
  for (int v = 0; v < nv; v++) {
    float *total = panel->sum + v * LANES;
    vf_store(total, vf_fma(vf_load(total), alpha[v], sum[v]));
  }
}

// acc <- acc alpha + V' P'. The tile's own sum starts at zero, which keeps rounding errors from growing with length.
INLINE void softmax_values(const int nv, const Panel *panel, const Tile *tile, Span span, int E, const float *weights,
                           const vf alpha[PANEL_VECTORS]) {
  const int width = nv * LANES;
  for (int e = 0; e < E; e += OUTER_ROWS) {
    vf acc[OUTER_ROWS][PANEL_VECTORS];
    const int keys = span.to - span.from;
    const float *p = weights + span.from * width;
    if (IN_PLACE && tile->inPlace) outer(nv, keys, (Left){tile->v + span.from * tile->vStep + e, 1, (size_t)tile->vStep}, p, acc);
    else outer(nv, keys, packed_left(tile->values + (ptrdiff_t)e * tile->count + span.from * OUTER_ROWS), p, acc);
    float *cell = panel->acc + e * width;
#pragma GCC unroll 8
    for (int i = 0; i < OUTER_ROWS; i++)
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++, cell += LANES) vf_store(cell, vf_fma(vf_load(cell), alpha[v], acc[i][v]));
  }
}

// What softmax_values leaves out of a tile whose values are not all finite: they were packed as 0, since 0 times NaN is
// NaN for a row that does not even see it. Rows that do see one receive it itself, whatever its positive weight.
static void softmax_nonfinite(const Panel *panel, const Rows *rows, const Tile *tile, Span span, const float *terms) {
  const int width = panel->vectors * LANES, E = rows->job->E;
  for (int j = span.from; j < span.to; j++) {
    const float *value = tile->v + (ptrdiff_t)j * tile->vStep;
    for (int e = 0; e < E; e++) {
      if (is_finite(value[e])) continue;
      for (int r = 0; r < panel->rows; r++) {
        if (terms && terms[j * width + r] == -__builtin_inff()) continue;
        if (!tile_hidden(tile, rows, panel->first + r, j)) panel->acc[e * width + r] += value[e];
      }
    }
  }
}

#endif
