// A random attention problem, and its definition in double precision.
#ifndef SACCADE_TEST_PROBLEM_H
#define SACCADE_TEST_PROBLEM_H

#include "../../c/job.h"
#include "random.h"
#include <math.h>
#include <stdlib.h>

// Bias and mask: [B or 1][H or 1][N or 1][M].
typedef struct {
  int given, B, H, N;
} PairTerm;

typedef struct {
  uint64_t seed;
  int B, H, G, group, N, M, D, E;
  float scale, softcap;
  int ahead, back;
  int hasOffset, hasLength, hasSinks, sinksPerBatch, sharedKeys;
  int32_t offset[4], length[4];
  PairTerm biasTerm, maskTerm;
  float *q, *k, *v, *bias, *sinks; // contiguous, in the order of the letters
  uint8_t *mask;
} Problem;

static size_t pair_term_size(const Problem *p, PairTerm term) {
  return term.given ? (size_t)term.B * term.H * term.N * p->M : 0;
}
static size_t pair_term_index(const Problem *p, PairTerm term, int b, int h, int n) {
  b = term.B == 1 ? 0 : b, h = term.H == 1 ? 0 : h, n = term.N == 1 ? 0 : n;
  return (((size_t)b * term.H + h) * term.N + n) * p->M;
}
static PairTerm pair_term_random(Random *random, const Problem *p, int once) {
  if (!random_once(random, once)) return (PairTerm){0};
  return (PairTerm){1, random_once(random, 2) ? 1 : p->B, random_once(random, 2) ? 1 : p->H,
                    random_once(random, 4) ? 1 : p->N};
}

static int32_t problem_length(const Problem *p, int b) { return p->hasLength ? p->length[b] : p->M; }
static int64_t problem_position(const Problem *p, int b, int n) { return (int64_t)n + (p->hasOffset ? p->offset[b] : 0); }

static int within_reach(const Problem *p, int b, int n, int key) {
  const int64_t position = problem_position(p, b, n);
  if (key >= problem_length(p, b)) return 0;
  if (p->ahead != INT32_MAX && key > position + p->ahead) return 0;
  return p->back == INT32_MAX || key >= position - p->back;
}

static int pair_visible(const Problem *p, int b, int h, int n, int key) {
  if (!within_reach(p, b, n, key)) return 0;
  if (p->maskTerm.given && !p->mask[pair_term_index(p, p->maskTerm, b, h, n) + key]) return 0;
  return !p->biasTerm.given || p->bias[pair_term_index(p, p->biasTerm, b, h, n) + key] != -INFINITY;
}

static float *floats_random(Random *random, size_t count) {
  float *floats = malloc(count * sizeof *floats + 1);
  for (size_t i = 0; i < count; i++) floats[i] = random_float(random);
  return floats;
}

static void problem_sizes(Random *random, Problem *p) {
  const double budget = random_once(random, 40) ? 4e6 : 3e5;
  do {
    p->B = random_int(random, 1, random_once(random, 3) ? 3 : 1);
    p->G = random_int(random, 1, 3);
    p->group = random_int(random, 1, random_once(random, 3) ? 9 : 2);
    p->H = p->G * p->group;
    p->N = random_size(random, 2 * SACCADE_ROWS);
    p->M = random_size(random, 600);
    p->D = random_size(random, 260);
    p->E = random_size(random, 260);
  } while ((double)p->B * p->H * (p->N + 1) * (p->M + 1) * (p->D + p->E + 8) > budget);
}

// Keys and values that nobody may see become NaN or Infinity; now and then also one that only some rows see.
static void problem_poison(Random *random, Problem *p) {
  for (int b = 0; b < (p->sharedKeys ? 1 : p->B); b++)
    for (int g = 0; g < p->G; g++)
      for (int key = 0; key < p->M; key++) {
        int seen = 0;
        for (int c = b; c < (p->sharedKeys ? p->B : b + 1) && !seen; c++)
          for (int h = g * p->group; h < (g + 1) * p->group && !seen; h++)
            for (int n = 0; n < p->N && !seen; n++) seen = pair_visible(p, c, h, n, key);
        if (seen ? !random_once(random, 400) : random_once(random, 4)) continue;
        const size_t row = ((size_t)b * p->G + g) * p->M + key;
        const float bad = random_once(random, 2) ? NAN : INFINITY;
        if (p->E && random_once(random, 2)) p->v[row * p->E + random_int(random, 0, p->E - 1)] = bad;
        // A visible key of Infinity may weigh 0 or NaN, by the sign of the query; NaN is NaN.
        if (p->D && random_once(random, seen ? 8 : 2))
          p->k[row * p->D + random_int(random, 0, p->D - 1)] = seen ? NAN : bad;
      }
}

static Problem problem_random(Random *random) {
  Problem p = {0};
  problem_sizes(random, &p);
  p.scale = random_once(random, 4) ? 2.0f * random_float(random) : 1.0f / sqrtf((float)p.D + 1);
  p.softcap = random_once(random, 4) ? (float)random_int(random, 1, 15) : 0;
  p.ahead = random_once(random, 2) ? INT32_MAX : random_once(random, 2) ? 0 : random_int(random, 0, 40);
  p.back = random_once(random, 2) ? INT32_MAX : random_int(random, 0, 60);
  p.hasOffset = !random_once(random, 3);
  p.hasLength = !random_once(random, 3);
  for (int b = 0; b < p.B; b++) {
    p.length[b] = random_once(random, 2) ? p.M : random_int(random, 0, p.M);
    p.offset[b] = random_once(random, 2) ? p.length[b] - p.N : random_int(random, -20, 20);
    if (random_once(random, 100)) p.offset[b] = random_once(random, 2) ? 2147483000 : -2147483000;
  }
  p.sharedKeys = random_once(random, 10);
  p.q = floats_random(random, (size_t)p.B * p.H * p.N * p.D);
  p.k = floats_random(random, (size_t)p.B * p.G * p.M * p.D);
  p.v = floats_random(random, (size_t)p.B * p.G * p.M * p.E);
  p.biasTerm = pair_term_random(random, &p, 4);
  p.maskTerm = pair_term_random(random, &p, 4);
  p.bias = floats_random(random, pair_term_size(&p, p.biasTerm));
  for (size_t i = 0; i < pair_term_size(&p, p.biasTerm); i++)
    if (random_once(random, 5)) p.bias[i] = -INFINITY;
  p.mask = malloc(pair_term_size(&p, p.maskTerm) + 1);
  for (size_t i = 0; i < pair_term_size(&p, p.maskTerm); i++)
    p.mask[i] = random_once(random, 3) ? 0 : (uint8_t)random_int(random, 1, 255);
  p.hasSinks = random_once(random, 4);
  p.sinksPerBatch = random_once(random, 2);
  p.sinks = floats_random(random, (size_t)p.B * p.H);
  for (int i = 0; i < p.B * p.H; i++) {
    if (random_once(random, 8)) p.sinks[i] = -INFINITY;
    else if (random_once(random, 8)) p.sinks[i] *= 200;
  }
  problem_poison(random, &p);
  return p;
}

static void problem_free(Problem *p) {
  free(p->q), free(p->k), free(p->v), free(p->bias), free(p->sinks), free(p->mask);
}

static const float *problem_k(const Problem *p, int b, int g, int key) {
  return p->k + (((size_t)(p->sharedKeys ? 0 : b) * p->G + g) * p->M + key) * p->D;
}
static const float *problem_v(const Problem *p, int b, int g, int key) {
  return p->v + (((size_t)(p->sharedKeys ? 0 : b) * p->G + g) * p->M + key) * p->E;
}

// What a row must be: `out` [E], its lse, and the largest sum of absolute terms behind any of its scores.
typedef struct {
  double *out, *score;
  double lse, terms;
} Row;

// The definition, over the keys that `covered` names.
static void row_reference(const Problem *p, int b, int h, int n, const uint8_t *covered, Row *row) {
  const int g = h / p->group;
  const float *q = p->q + (((size_t)b * p->H + h) * p->N + n) * p->D;
  double top = -INFINITY, sum = 0;
  row->terms = 0;
  for (int e = 0; e < p->E; e++) row->out[e] = 0;
  int poisoned = 0;
  for (int key = 0; key < p->M; key++) {
    row->score[key] = -INFINITY;
    if (!covered[key] || !pair_visible(p, b, h, n, key)) continue;
    const float *k = problem_k(p, b, g, key);
    double dot = 0, size = 0;
    for (int d = 0; d < p->D; d++) dot += (double)q[d] * k[d], size += fabs((double)q[d] * k[d]);
    double s = dot * p->scale, bias = 0;
    if (p->softcap > 0) s = p->softcap * tanh(s / p->softcap);
    if (p->biasTerm.given) bias = p->bias[pair_term_index(p, p->biasTerm, b, h, n) + key];
    row->score[key] = s + bias;
    if (!isfinite(dot)) poisoned = 1;
    if (row->score[key] > top) top = row->score[key];
    size = size * fabs(p->scale) + fabs(bias);
    if (size > row->terms) row->terms = size;
  }
  const double sink = p->hasSinks ? p->sinks[(p->sinksPerBatch ? b * p->H : 0) + h] : -INFINITY;
  if (sink > top) top = sink;
  if (poisoned) top = NAN;
  if (top == -INFINITY) {
    row->lse = -INFINITY;
    return;
  }
  for (int key = 0; key < p->M; key++)
    if (row->score[key] != -INFINITY) sum += exp(row->score[key] - top);
  if (sink != -INFINITY) sum += exp(sink - top);
  for (int key = 0; key < p->M; key++) {
    if (row->score[key] == -INFINITY) continue;
    const double weight = exp(row->score[key] - top) / sum;
    for (int e = 0; e < p->E; e++) row->out[e] += weight * problem_v(p, b, g, key)[e];
  }
  row->lse = top + log(sum);
}

#endif
