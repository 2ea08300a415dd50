// How fast a recurrence runs in one form: compiled with the kernels of one instruction set, -DRECUR_CHUNK=<tokens of a chunk> or
// -DRECUR_STEPS=<tokens up to which it goes step by step>. `recurrence-forms N D DECAY RULE` prints the milliseconds of the best of
// some runs, 8 heads on one thread; DECAY and RULE as in recurrence.h.
#include "recur.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEADS = 8, RUNS = 9 };

static float *numbers(size_t count, float low, float high) {
  static uint32_t state = 1;
  float *to = aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  if (!to) exit(3);
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    to[i] = low + (high - low) * (float)(state >> 8) / 16777216.0f;
  }
  return to;
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e3 + (double)t.tv_nsec * 1e-6;
}

int main(int argc, char **argv) {
  if (argc != 5) return 2;
  const int N = atoi(argv[1]), D = atoi(argv[2]);
  const size_t rows = (size_t)HEADS * (size_t)N, wide = rows * (size_t)D;
  const float unit = 1.0f / (float)D;
  const RecurStrides step = {0, (ptrdiff_t)N * D, D}, single = {0, N, 1};
  Recurrence r = {.q = numbers(wide, -1, 1), .k = numbers(wide, -unit, unit), .v = numbers(wide, -1, 1),
                  .decay = numbers(wide, -0.2f, 0), .beta = numbers(rows, 0, 1), .a = numbers(wide, -unit, unit),
                  .b = numbers(wide, -unit, unit), .out = numbers(wide, 0, 0),
                  .state = numbers((size_t)HEADS * (size_t)D * (size_t)D, 0, 0),
                  .qStep = step, .kStep = step, .vStep = step, .aStep = step, .bStep = step, .outStep = step, .betaStep = single,
                  .scale = 1, .B = 1, .H = HEADS, .G = HEADS, .V = HEADS, .N = N, .D = D, .E = D, .last = N, .panel = 128,
                  .decayKind = atoi(argv[3]), .rule = atoi(argv[4])};
  r.decayStep = r.decayKind == DECAY_CHANNEL ? step : r.decayKind == DECAY_TOKEN ? single : (RecurStrides){0, 1, 0};
  float *scratch = numbers((size_t)recur_scratch(&r), 0, 0);
  double best = 1e9;
  for (int run = 0; run < RUNS; run++) {
    const double from = now();
    for (int item = 0; item < recur_items(&r); item++) recur_item(&r, item, scratch);
    const double ms = now() - from;
    if (ms < best) best = ms;
  }
  printf("%.6f\n", best);
  return 0;
}
