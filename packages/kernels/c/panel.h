// A panel: up to PANEL_VECTORS * LANES query rows that one microkernel call serves, row r in lane r.
//
//   queries [operands][D][width]    packed once per unit
//   acc     [E][width]    E rounded up to OUTER_ROWS
//   max     [width]       running maximum m
//   sum     [width]       running sum of exp(s - m)
#ifndef SACCADE_PANEL_H
#define SACCADE_PANEL_H

#include "pack.h"
#include "rows.h"
#include "tile.h"

typedef struct {
  int vectors, first, rows; // width = vectors * LANES; rows of the unit from `first`
  float *queries, *acc, *max, *sum;
} Panel;

INLINE int panel_floats(int vectors, int D, int E, int operands) {
  return vectors * LANES * (D * operands + round_up(E, OUTER_ROWS) + 2);
}

// Panels of a unit with `rows` rows: as few as possible, and as equal as possible, since a panel one vector wide has
// too few independent sums to keep the multipliers busy.
INLINE int panel_count(int rows) {
  const int vectors = (rows + LANES - 1) / LANES;
  return (vectors + PANEL_VECTORS - 1) / PANEL_VECTORS;
}
INLINE int unit_state_floats(int rows, int D, int E, int operands) {
  return panel_floats((rows + LANES - 1) / LANES, D, E, operands);
}

static int panels_open(Panel *panels, float *state, int rows, const Job *job) {
  const int vectors = (rows + LANES - 1) / LANES, count = panel_count(rows);
  for (int p = 0, first = 0; p < count; p++) {
    Panel *panel = panels + p;
    panel->vectors = vectors / count + (p < vectors % count);
    const int width = panel->vectors * LANES;
    panel->first = first;
    panel->rows = rows - first < width ? rows - first : width;
    panel->queries = state;
    panel->acc = panel->queries + job->operands * job->D * width;
    panel->max = panel->acc + round_up(job->E, OUTER_ROWS) * width;
    panel->sum = panel->max + width;
    state = panel->sum + width;
    first += width;
  }
  return count;
}

static void panel_queries(const Panel *panel, const Rows *rows) {
  const Job *job = rows->job;
  const int width = panel->vectors * LANES;
  const float factor = rows_query_factor(job);
  for (int o = 0; o < job->operands; o++)
    for (int r = 0; r < width; r += 4) {
      const float *four[4];
      // Lanes without a row repeat the last one; what they compute is never written.
      for (int i = 0; i < 4; i++)
        four[i] = rows_q(rows, o, panel->first + (r + i < panel->rows ? r + i : panel->rows - 1));
      pack_four_rows(four, job->D, panel->queries + o * job->D * width + r, width);
    }
  for (int i = 0; i < job->operands * job->D * width; i += LANES)
    vf_store(panel->queries + i, vf_mul(vf_load(panel->queries + i), vf_set(factor)));
}

static void panel_begin(const Panel *panel, const Rows *rows) {
  const Job *job = rows->job;
  const int width = panel->vectors * LANES;
  panel_queries(panel, rows);
  for (int i = 0; i < round_up(job->E, OUTER_ROWS) * width; i++) panel->acc[i] = 0;
  for (int i = 0; i < width; i++) {
    panel->max[i] = -__builtin_inff();
    panel->sum[i] = 0;
  }
}

// The keys [from, to) of a tile that some row of the panel may see, and whether every row sees all of them.
typedef struct {
  int from, to, full;
} Span;

static Span panel_span(const Panel *panel, const Rows *rows, const Tile *tile) {
  Span span = {0, tile->count, !rows->job->bias && !rows->job->mask && !tile->masked};
  if (!tile->partial) return span;
  int lo = INT32_MAX, hi = 0, highestLo = 0, lowestHi = INT32_MAX;
  for (int r = panel->first; r < panel->first + panel->rows; r++) {
    if (rows->lo[r] < lo) lo = rows->lo[r];
    if (rows->lo[r] > highestLo) highestLo = rows->lo[r];
    if (rows->hi[r] > hi) hi = rows->hi[r];
    if (rows->hi[r] < lowestHi) lowestHi = rows->hi[r];
  }
  span.from = tile_index(tile, lo) / OUTER_ROWS * OUTER_ROWS;
  span.to = tile_index(tile, hi);
  if (span.from >= span.to) return (Span){0, 0, 0};
  // A group of keys is taken whole: one that is cut must be looked at, unless the tile ends there.
  const int whole = span.to % OUTER_ROWS == 0 || span.to == tile->count;
  span.full = span.full && whole && tile_key(tile, span.from) >= highestLo && tile_key(tile, span.to - 1) < lowestHi;
  return span;
}

#endif
