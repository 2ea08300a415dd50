// What a linear recurrence over a state reads and writes. Strides are in elements, the innermost axis is contiguous.
//
//   S <- diag(w) S + write        one state [D, E] for each batch element and value head, w = exp(decay) <= 1
//   o  = scale q' S               reads after it writes
//
//   additive   write = k v'
//   delta      write = beta k (v - (diag(w) S)' k)'
//   general    write = b (a' S) + k v'              a reads S before the decay
//
// Every column of S goes its own way: an item is a panel of columns of one state, over all tokens of a run.
#ifndef SACCADE_RECURRENCE_H
#define SACCADE_RECURRENCE_H

#include <stddef.h>
#include <stdint.h>

enum { DECAY_NONE = 0, DECAY_HEAD = 1, DECAY_TOKEN = 2, DECAY_CHANNEL = 3 };
enum { RULE_ADDITIVE = 0, RULE_DELTA = 1, RULE_GENERAL = 2 };
enum { RECUR_BOTH = 0, RECUR_WRITE = 1, RECUR_READ = 2 };

typedef struct {
  ptrdiff_t b, h, n;
} RecurStrides;

typedef struct {
  const float *q;     // [B, H, N, D]
  const float *k;     // [B, G, N, D]
  const float *v;     // [B, V, N, E]
  const float *decay; // logarithms: [V], [B, V, N, 1] or [B, V, N, D]; null without decay
  const float *beta;  // [B, V, N, 1]
  const float *a;     // [B, V, N, D]
  const float *b;     // [B, V, N, D]
  float *out;         // [B, max(H, V), N, E]
  float *state;       // [B, V, D, E], contiguous
  const float *sums;  // the normaliser z, [B, V, D], contiguous; null without one
  float *sumsAfter;   // z after the run: panels of one state read `sums` at different times
  const int32_t *lengths; // [B]; null: all tokens
  RecurStrides qStep, kStep, vStep, decayStep, betaStep, aStep, bStep, outStep;
  float scale;
  int32_t B, H, G, V, N, D, E;
  int32_t first, last; // the run's tokens
  int32_t panel;       // columns of an item
  int32_t decayKind, rule, mode;
} Recurrence;

static inline int32_t recur_panels(const Recurrence *r) { return (r->E + r->panel - 1) / r->panel; }
static inline int32_t recur_items(const Recurrence *r) { return r->B * r->V * recur_panels(r); }

#endif
