// Scores of a panel against a tile: S'[j][row] for the keys of a span, and their maximum per row.
#ifndef SACCADE_SCORES_H
#define SACCADE_SCORES_H

#include "elementary.h"
#include "outer.h"
#include "pack.h"
#include "panel.h"
#include "tile.h"

// Products q . k with the query's factor in them. `top` receives the maximum over the span when `full`.
INLINE void score_products(const int nv, const Panel *panel, const Tile *tile, Span span, int D, float *scores,
                           vf top[PANEL_VECTORS]) {
  const int width = nv * LANES;
  const float *queries = panel->queries + (ptrdiff_t)tile->operand * D * width;
  for (int j = span.from; j < span.to; j += OUTER_ROWS) {
    vf acc[OUTER_ROWS][PANEL_VECTORS];
    outer(nv, D, tile->keys + (ptrdiff_t)j * D, queries, acc);
    float *row = scores + j * width;
    // The rows' maximum meets the running one once a group: one after the other, each waits for the one before.
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) {
      vf most = acc[0][v];
      vf_store(row + v * LANES, acc[0][v]);
#pragma GCC unroll 8
      for (int i = 1; i < OUTER_ROWS; i++) {
        most = vf_max(acc[i][v], most);
        vf_store(row + i * width + v * LANES, acc[i][v]);
      }
      top[v] = vf_max(most, top[v]);
    }
  }
}

// to[j][0..4) = from[i][column of key j]: four rows at a time, since they are neighbours in `terms` but far apart in the
// caller's arrays.
INLINE void four_biases(const float *const from[4], const Tile *tile, Span span, int base, float *to, int width) {
  const int count = span.to - span.from;
  if (!tile->index && tile->stride == 1) {
    const ptrdiff_t column = tile_key(tile, span.from) - base;
    const float *rows[4] = {from[0] + column, from[1] + column, from[2] + column, from[3] + column};
    pack_four_rows(rows, count, to, width);
    return;
  }
  for (int j = 0; j < count; j++)
    for (int i = 0; i < 4; i++) to[j * width + i] = from[i][tile_key(tile, span.from + j) - base];
}

// terms[j][row]: the bias of every pair of a span, -Infinity where the mask hides it.
static void score_terms(const Panel *panel, const Rows *rows, const Tile *tile, Span span, float *terms) {
  const Job *job = rows->job;
  const int width = panel->vectors * LANES, count = span.to - span.from;
  for (int r = 0; r < width; r += 4) {
    int row[4];
    for (int i = 0; i < 4; i++) row[i] = panel->first + (r + i < panel->rows ? r + i : panel->rows - 1);
    float *to = terms + span.from * width + r;
    if (job->bias) {
      const float *bias[4];
      for (int i = 0; i < 4; i++) bias[i] = rows_bias(rows, row[i]);
      four_biases(bias, tile, span, job->keyBase, to, width);
    } else {
      for (int j = 0; j < count; j++) v4_store(to + j * width, v4_set(0.0f));
    }
    if (!job->mask) continue;
    const uint8_t *mask[4];
    for (int i = 0; i < 4; i++) mask[i] = rows_mask(rows, row[i]);
    for (int j = 0; j < count; j++)
      for (int i = 0; i < 4; i++)
        if (!mask[i][tile_key(tile, span.from + j) - job->keyBase]) to[j * width + i] = -__builtin_inff();
  }
}

// The score of a product with a packed query: scaled, and c tanh(s / c) where there is a softcap c.
INLINE vf score_of(const Job *job, vf product) {
  const float factor = rows_score_factor(job);
  if (!(job->softcap > 0)) return vf_mul(product, vf_set(factor));
  return vf_mul(vf_set(job->softcap), vf_tanh(vf_mul(product, vf_set(factor / job->softcap))));
}

// Terms and bounds in place, and the maximum anew; where `raw`, scores are products that are still to be scaled. Hidden scores
// are selected to -Infinity, never computed: a NaN behind a mask has no effect.
INLINE void score_rules(const int nv, const Panel *panel, const Rows *rows, const Tile *tile, Span span, float *scores,
                        const float *terms, int raw, vf top[PANEL_VECTORS]) {
  const int width = nv * LANES;
  const vf hidden = vf_set(-__builtin_inff());
  for (int v = 0; v < nv; v++) top[v] = hidden;
  for (int j = span.from; j < span.to; j++) {
    const vi key = vi_set(tile_key(tile, j)), after = vi_set(tile_key(tile, j) + 1);
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) {
      const int cell = j * width + v * LANES, row = panel->first + v * LANES;
      vf s = vf_load(scores + cell);
      if (raw) s = score_of(rows->job, s);
      if (terms) {
        const vf term = vf_load(terms + cell);
        s = vf_select(vf_equal(term, hidden), hidden, vf_add(s, term));
      }
      if (tile->partial)
        s = vf_select(vm_and(vi_less(key, vi_load(rows->hi + row)), vi_less(vi_load(rows->lo + row), after)), s, hidden);
      top[v] = vf_max(s, top[v]);
      vf_store(scores + cell, s);
    }
  }
}

#endif
