// Scores of a panel against a tile: S'[j][row] for the keys of a span, and their maximum per row.
#ifndef SACCADE_SCORES_H
#define SACCADE_SCORES_H

#include "elementary.h"
#include "outer.h"
#include "pack.h"
#include "panel.h"
#include "tile.h"

// Products q . k with the query's factor in them. `top` receives the maximum over the span when `full`.
INLINE void score_products(const int nv, const Panel *panel, const Tile *tile, Span span, const Job *job,
                           float *scores, vf top[PANEL_VECTORS]) {
  const int width = nv * LANES, D = job->D;
  const float *queries = panel->queries + (ptrdiff_t)tile->operand * D * width;
  // A few rows of the next tile at a time: asked for all at once, they fill the core's queue of outstanding lines.
  const int each = ((tile->asked - tile->asking) * OUTER_ROWS + span.to - span.from - 1) / (span.to - span.from);
  int asking = tile->asking;
  for (int j = span.from; j < span.to; j += OUTER_ROWS) {
    const int until = asking + each < tile->asked ? asking + each : tile->asked;
    tile_prefetch(tile, job, asking, until);
    asking = until;
    vf acc[OUTER_ROWS][PANEL_VECTORS];
    if (IN_PLACE && tile->inPlace) outer(nv, D, (Left){tile->k + j * tile->kStep, (size_t)tile->kStep, 1}, queries, acc);
    else outer(nv, D, packed_left(tile->keys + (ptrdiff_t)j * D), queries, acc);
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

// Scores of products with packed queries: scaled, and c tanh(s / c) where there is a softcap c.
INLINE void scores_of(const int nv, const Job *job, vf *s) {
  const vf factor = vf_set(rows_score_factor(job));
#pragma GCC unroll 8
  for (int v = 0; v < nv; v++) s[v] = vf_mul(s[v], factor);
  if (job->softcap > 0) vf_softcap_each(nv, s, job->softcap);
}
INLINE vf score_of(const Job *job, vf product) {
  scores_of(1, job, &product);
  return product;
}

// Vectors for every key of a span, `key` and `vector` bytes apart.
typedef struct {
  const char *at;
  int key, vector;
} PairVectors;

INLINE vf pair_vector(PairVectors from, int j, int v) {
  return vf_load((const float *)(from.at + (ptrdiff_t)j * from.key + v * from.vector));
}

// What decides about the scores of a span beside their products.
typedef struct {
  PairVectors scores;  // of the span's first key on
  PairVectors shown;   // 0 hides; null: everything is shown
  const float *terms;  // as score_terms makes them, or null
  int raw;             // scores are products that are still to be scaled
} ScoreRules;

// Scores as the softmax takes them, and their maximum, which meets `top`. Hidden ones are selected to -Infinity, never
// computed: a NaN behind a mask has no effect.
INLINE void score_rules(const int nv, const Panel *panel, const Rows *rows, const Tile *tile, Span span, const ScoreRules *rules,
                        float *scores, vf top[PANEL_VECTORS]) {
  const int width = nv * LANES;
  const vf hidden = vf_set(-__builtin_inff());
  for (int j = span.from; j < span.to; j++) {
    vf s[PANEL_VECTORS];
#define EACH _Pragma("GCC unroll 8") for (int v = 0; v < nv; v++)
    EACH s[v] = pair_vector(rules->scores, j - span.from, v);
    if (rules->raw) scores_of(nv, rows->job, s);
    if (rules->terms) {
      const float *terms = rules->terms + j * width;
      EACH {
        const vf term = vf_load(terms + v * LANES);
        s[v] = vf_select(vf_equal(term, hidden), hidden, vf_add(s[v], term));
      }
    }
    if (rules->shown.at) EACH s[v] = vf_select_bits(pair_vector(rules->shown, j - span.from, v), s[v], hidden);
    if (tile->partial) {
      const vi key = vi_set(tile_key(tile, j)), after = vi_set(tile_key(tile, j) + 1);
      EACH {
        const int row = panel->first + v * LANES;
        s[v] = vf_select(vm_and(vi_less(key, vi_load(rows->hi + row)), vi_less(vi_load(rows->lo + row), after)), s[v], hidden);
      }
    }
    EACH {
      top[v] = vf_max(s[v], top[v]);
      vf_store(scores + j * width + v * LANES, s[v]);
    }
#undef EACH
  }
}

#endif
