// Random recurrences: any sizes, strides, settings, widths of panels and runs of tokens, against the formula in double precision.
#ifndef SACCADE_TEST_RECURRENCE_CHECK_H
#define SACCADE_TEST_RECURRENCE_CHECK_H

#include "buffer.h"
#include "../../c/kernels.h"
#include <math.h>

enum { RECUR_TEST_CHANNELS = 300 };

// [B, heads, N, width] of random numbers in [low, high], with tokens or heads outermost; it ends where its buffer ends.
static float *recur_tensor(Random *random, Buffers *buffers, const Recurrence *r, int heads, int tokens, int width, float low,
                           float high, RecurStrides *step) {
  const int gap = random_once(random, 2) ? random_int(random, 0, 5) : 0, row = width + gap;
  const int tokensFirst = random_once(random, 2);
  step->n = tokensFirst ? (ptrdiff_t)row * heads : row;
  step->h = tokensFirst ? row : (ptrdiff_t)row * tokens;
  step->b = (ptrdiff_t)row * heads * tokens;
  const size_t rows = (size_t)r->B * heads * tokens, floats = rows ? rows * row - gap : 0;
  float *data = buffers_add(buffers, random, floats * sizeof(float));
  for (size_t i = 0; i < floats; i++) data[i] = low + (high - low) * (0.5f + 0.5f * random_float(random));
  return data;
}

static float *recur_numbers_of(Random *random, Buffers *buffers, size_t count, float low, float high) {
  float *data = buffers_add(buffers, random, count * sizeof(float));
  for (size_t i = 0; i < count; i++) data[i] = low + (high - low) * (0.5f + 0.5f * random_float(random));
  return data;
}

static void recur_wrong(uint64_t seed, const Recurrence *r, const char *what, double got, double want) {
  printf("wrong %s: got %.9g, expected %.9g\n", what, got, want);
  printf("  recurrence seed %llu: B %d H %d G %d V %d N %d D %d E %d panel %d decay %d rule %d mode %d sums %d\n",
         (unsigned long long)seed, r->B, r->H, r->G, r->V, r->N, r->D, r->E, r->panel, r->decayKind, r->rule, r->mode, r->sums != 0);
  exit(1);
}

static const float *recur_at(const float *data, const RecurStrides *step, int b, int h, int n) {
  return data + b * step->b + h * step->h + n * step->n;
}

// One token of one state by the formula.
static void recur_step(const Recurrence *r, int b, int s, int n, double *S, double *z) {
  const float *k = recur_at(r->k, &r->kStep, b, s / (r->V / r->G), n), *v = recur_at(r->v, &r->vStep, b, s, n);
  double w[RECUR_TEST_CHANNELS], y[RECUR_TEST_CHANNELS];
  for (int d = 0; d < r->D; d++)
    w[d] = r->decayKind == DECAY_NONE ? 1 : exp(recur_at(r->decay, &r->decayStep, b, s, n)[r->decayKind == DECAY_CHANNEL ? d : 0]);
  for (int e = 0; e < r->E; e++) {
    y[e] = 0;
    for (int d = 0; d < r->D; d++) {
      if (r->rule == RULE_GENERAL) y[e] += recur_at(r->a, &r->aStep, b, s, n)[d] * S[d * r->E + e];
      if (r->rule == RULE_DELTA) y[e] += k[d] * w[d] * S[d * r->E + e];
    }
  }
  for (int d = 0; d < r->D; d++) {
    z[d] = w[d] * z[d] + k[d];
    for (int e = 0; e < r->E; e++) {
      double *cell = S + d * r->E + e;
      *cell *= w[d];
      if (r->rule == RULE_DELTA) *cell += k[d] * recur_at(r->beta, &r->betaStep, b, s, n)[0] * (v[e] - y[e]);
      else *cell += k[d] * v[e];
      if (r->rule == RULE_GENERAL) *cell += recur_at(r->b, &r->bStep, b, s, n)[d] * y[e];
    }
  }
}

static void recur_near(uint64_t seed, const Recurrence *r, const char *what, double got, double want, double size) {
  if (!(fabs(got - want) <= 1e-5 * (1 + size))) recur_wrong(seed, r, what, got, want);
}

// The outputs of one token; with a normaliser queries and keys are positive, so that nothing cancels in it.
static void recur_outputs(uint64_t seed, const Recurrence *r, int b, int s, int n, const double *S, const double *z) {
  const int heads = r->H > r->V ? r->H / r->V : 1, first = r->H > r->V ? s * heads : s / (r->V / r->H);
  for (int j = 0; j < heads; j++) {
    const float *q = recur_at(r->q, &r->qStep, b, first + j, n), *out = recur_at(r->out, &r->outStep, b, s * heads + j, n);
    double share = 0;
    for (int d = 0; d < r->D; d++) share += q[d] * z[d];
    for (int e = 0; e < r->E; e++) {
      double want = 0, size = 0;
      for (int d = 0; d < r->D; d++) want += q[d] * S[d * r->E + e], size += fabs(q[d] * S[d * r->E + e]);
      // A small share makes large outputs of any state, and of its errors.
      if (r->sums) want = share == 0 ? 0 : want / share, size = share == 0 ? 0 : size / fabs(share);
      else want *= r->scale, size *= r->scale;
      recur_near(seed, r, "output", out[e], want, size);
    }
  }
}

static void recur_state_check(uint64_t seed, const Recurrence *r, int b, int s, double *S, double *z, const float *kept) {
  const int length = r->lengths ? r->lengths[b] : r->N, heads = r->H > r->V ? r->H / r->V : 1;
  const size_t state = (size_t)(b * r->V + s) * r->D;
  double largest = 0;
  for (int i = 0; i < r->D * r->E; i++) S[i] = kept[state * r->E + i];
  for (int d = 0; d < r->D; d++) z[d] = r->sums ? r->sums[state + d] : 0;
  for (int n = 0; n < r->N; n++) {
    if (n < length) {
      if (r->mode != RECUR_READ) recur_step(r, b, s, n, S, z);
      if (r->mode != RECUR_WRITE) recur_outputs(seed, r, b, s, n, S, z);
      for (int i = 0; i < r->D * r->E; i++) largest = fmax(largest, fabs(S[i]));
    } else if (r->mode != RECUR_WRITE)
      for (int j = 0; j < heads; j++)
        for (int e = 0; e < r->E; e++)
          if (recur_at(r->out, &r->outStep, b, s * heads + j, n)[e] != 0) recur_wrong(seed, r, "output past the end", 1, 0);
  }
  for (int i = 0; i < r->D * r->E; i++) recur_near(seed, r, "state", r->state[state * r->E + i], S[i], largest);
  for (int d = 0; r->sums && r->mode != RECUR_READ && d < r->D; d++)
    recur_near(seed, r, "normaliser", r->sumsAfter[state + d], z[d], fabs(z[d]));
}

static Recurrence recurrence_random(Random *random, Buffers *buffers) {
  static const int heads[][3] = {{1, 1, 1}, {2, 2, 2}, {4, 2, 2}, {4, 1, 2}, {3, 1, 1}, {2, 2, 4}, {1, 1, 3}}; // H, G, V
  const int *h = heads[random_int(random, 0, 6)];
  Recurrence r = {.B = random_int(random, 0, 2), .H = h[0], .G = h[1], .V = h[2], .N = random_size(random, 70)};
  r.D = random_int(random, 1, random_once(random, 8) ? 140 : 40);
  r.E = random_int(random, 1, random_once(random, 8) ? 140 : 40);
  r.decayKind = random_int(random, DECAY_NONE, DECAY_CHANNEL);
  r.rule = random_int(random, RULE_ADDITIVE, RULE_GENERAL);
  r.mode = random_once(random, 4) ? random_int(random, RECUR_WRITE, RECUR_READ) : RECUR_BOTH;
  r.panel = 16 * random_int(random, 1, 4);
  r.last = r.N;
  const int sums = r.rule == RULE_ADDITIVE && random_once(random, 2);
  r.scale = sums ? 1 : 0.25f;
  const float root = 0.9f / sqrtf((float)r.D), low = sums ? 0.05f : -1; // keys no longer than 1: the delta rules do not overshoot
  r.q = recur_tensor(random, buffers, &r, r.H, r.N, r.D, low, 1, &r.qStep);
  r.k = recur_tensor(random, buffers, &r, r.G, r.N, r.D, low * root, root, &r.kStep);
  r.v = recur_tensor(random, buffers, &r, r.V, r.N, r.E, -1, 1, &r.vStep);
  r.out = recur_tensor(random, buffers, &r, r.H > r.V ? r.H : r.V, r.N, r.E, NAN, NAN, &r.outStep);
  const float weakest = random_once(random, 4) ? -60 : -0.5f;
  if (r.decayKind == DECAY_HEAD) {
    r.decay = recur_numbers_of(random, buffers, (size_t)r.V, weakest, 0);
    r.decayStep = (RecurStrides){0, 1, 0};
  } else if (r.decayKind != DECAY_NONE)
    r.decay = recur_tensor(random, buffers, &r, r.V, r.N, r.decayKind == DECAY_CHANNEL ? r.D : 1, weakest, 0, &r.decayStep);
  if (r.rule == RULE_DELTA) r.beta = recur_tensor(random, buffers, &r, r.V, r.N, 1, 0, 1, &r.betaStep);
  if (r.rule == RULE_GENERAL) {
    r.a = recur_tensor(random, buffers, &r, r.V, r.N, r.D, -root, root, &r.aStep);
    r.b = recur_tensor(random, buffers, &r, r.V, r.N, r.D, -root, root, &r.bStep);
  }
  const size_t rows = (size_t)r.B * r.V * r.D;
  r.state = recur_numbers_of(random, buffers, rows * r.E, -1, 1);
  if (sums) {
    r.sums = recur_numbers_of(random, buffers, rows, 0, 1);
    r.sumsAfter = buffers_add(buffers, random, rows * sizeof(float));
  }
  if (random_once(random, 3)) {
    int32_t *lengths = buffers_add(buffers, random, (size_t)r.B * sizeof(int32_t));
    for (int b = 0; b < r.B; b++) lengths[b] = random_int(random, 0, r.N);
    r.lengths = lengths;
  }
  return r;
}

static void recurrence_check(uint64_t seed, const Kernels *kernels) {
  Random random = {seed * 0xd1342543de82ef95u};
  Buffers buffers = {0};
  Recurrence r = recurrence_random(&random, &buffers);
  const size_t rows = (size_t)r.B * r.V * r.D;
  float *kept = malloc(rows * r.E * sizeof(float) + 1);
  memcpy(kept, r.state, rows * r.E * sizeof(float));
  float *scratch = buffers_add(&buffers, &random, ((size_t)kernels->recurScratchFloats(&r) * sizeof(float) + 63) & ~(size_t)63);
  for (int item = 0; item < recur_items(&r); item++) kernels->recur(&r, item, scratch);
  double *S = malloc(sizeof(double) * (size_t)r.D * r.E), z[RECUR_TEST_CHANNELS];
  for (int b = 0; b < r.B; b++)
    for (int s = 0; s < r.V; s++) recur_state_check(seed, &r, b, s, S, z, kept);
  free(S);
  free(kept);
  buffers_close(&buffers);
}

#endif
