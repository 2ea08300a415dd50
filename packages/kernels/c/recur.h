// Runs the items of a recurrence.
#ifndef SACCADE_RECUR_H
#define SACCADE_RECUR_H

#include "recur-panel.h"

// Tokens of a chunk.
#ifndef RECUR_TOKENS
#define RECUR_TOKENS 8
#endif
INLINE int recur_tokens(const Recurrence *r) {
  (void)r;
  return RECUR_TOKENS;
}

static ptrdiff_t recur_scratch(const Recurrence *r) {
  StatePanel panel;
  return state_scratch(&panel, 0, r, recur_tokens(r));
}

static void recur_blank(const StatePanel *panel, int from) {
  const Recurrence *r = panel->chunk.r;
  for (int j = 0; j < panel->chunk.heads; j++)
    for (int n = from; n < r->last; n++) {
      float *out = r->out + panel->chunk.batch * r->outStep.b + (panel->chunk.state * panel->chunk.heads + j) * r->outStep.h +
                   n * r->outStep.n + panel->from;
      __builtin_memset(out, 0, sizeof(float) * (size_t)panel->columns);
    }
}

static void recur_item(const Recurrence *r, int32_t item, float *scratch) {
  StatePanel panel;
  const int panels = recur_panels(r), tokens = recur_tokens(r);
  state_scratch(&panel, scratch, r, tokens);
  RecurChunk *chunk = &panel.chunk;
  chunk->batch = item / panels / r->V;
  chunk->state = item / panels % r->V;
  chunk->head = recur_query_head(r, chunk->state);
  panel.from = item % panels * r->panel;
  panel.columns = r->E - panel.from < r->panel ? r->E - panel.from : r->panel;
  panel.vectors = (panel.columns + LANES - 1) / LANES;
  panel.strips = (panel.vectors + PANEL_VECTORS - 1) / PANEL_VECTORS;
  const ptrdiff_t sums = ((ptrdiff_t)chunk->batch * r->V + chunk->state) * r->D;
  if (r->sums) row_fill(r->sums + sums, r->D, 1.0f, panel.sums, chunk->width);
  state_load(&panel);
  const int length = r->lengths ? r->lengths[chunk->batch] : r->N, end = length < r->last ? length : r->last;
  int n = r->first;
  for (; n < end; n += tokens) state_chunk(&panel, n, end - n < tokens ? end - n : tokens);
  if (r->mode != RECUR_WRITE) recur_blank(&panel, end > r->first ? end : r->first);
  if (r->mode == RECUR_READ) return;
  state_save(&panel);
  if (r->sumsAfter && panel.from == 0) __builtin_memcpy(r->sumsAfter + sums, panel.sums, sizeof(float) * (size_t)r->D);
}

#endif
