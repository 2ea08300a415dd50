// Runs the items of a recurrence.
#ifndef SACCADE_RECUR_H
#define SACCADE_RECUR_H

#include "recur-panel.h"
#include "recur-step.h"

// Runs of so few tokens go step by step.
#ifndef RECUR_STEPS
#define RECUR_STEPS 3
#endif

// So do all of the general rule where a state's rows fit the registers of AVX-512: a few per cent faster at D 64, a third slower at D 128.
INLINE int recur_by_steps(const Recurrence *r) {
  return r->last - r->first <= RECUR_STEPS || (LANES == 16 && r->rule == RULE_GENERAL && r->D <= 64 && r->E <= 64);
}

static ptrdiff_t recur_scratch(const Recurrence *r) {
  StatePanel panel;
  return state_scratch(&panel, 0, r);
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
  const int panels = recur_panels(r);
  state_scratch(&panel, scratch, r);
  RecurChunk *chunk = &panel.chunk;
  chunk->batch = item / panels / r->V;
  chunk->state = item / panels % r->V;
  chunk->head = recur_query_head(r, chunk->state);
  panel.from = item % panels * r->panel;
  panel.columns = r->E - panel.from < r->panel ? r->E - panel.from : r->panel;
  panel.vectors = state_vectors(panel.columns);
  panel.strips = (panel.vectors + PANEL_VECTORS - 1) / PANEL_VECTORS;
  const int steps = recur_by_steps(r);
  const ptrdiff_t sums = ((ptrdiff_t)chunk->batch * r->V + chunk->state) * r->D;
  if (r->sums) row_fill(r->sums + sums, r->D, 1.0f, panel.sums, chunk->width);
  if (!steps) state_load(&panel);
  const int length = r->lengths ? r->lengths[chunk->batch] : r->N, end = length < r->last ? length : r->last;
  if (steps)
    for (int n = r->first; n < end; n++) step_token(&panel, n);
  else
    for (int n = r->first; n < end; n += RECUR_TOKENS) state_chunk(&panel, n, end - n < RECUR_TOKENS ? end - n : RECUR_TOKENS);
  if (r->mode != RECUR_WRITE) recur_blank(&panel, end > r->first ? end : r->first);
  if (r->mode == RECUR_READ) return;
  if (!steps) state_save(&panel);
  if (r->sumsAfter && panel.from == 0) __builtin_memcpy(r->sumsAfter + sums, panel.sums, sizeof(float) * (size_t)r->D);
}

#endif
