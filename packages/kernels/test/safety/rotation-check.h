// Random rotations: any sizes, strides, positions, in place or not, against the formula in double precision.
#ifndef SACCADE_TEST_ROTATION_CHECK_H
#define SACCADE_TEST_ROTATION_CHECK_H

#include "buffer.h"
#include "../../c/kernels.h"
#include <math.h>

// A tensor whose rows lie apart, with tokens or heads outermost; its last row ends where its buffer ends.
typedef struct {
  float *data;
  size_t floats;
  ptrdiff_t b, h, n;
} Rows4;

static Rows4 rows4_random(Random *random, Buffers *buffers, const Rotation *r) {
  Rows4 rows = {0};
  const int gap = random_once(random, 2) ? random_int(random, 0, 9) : 0, row = r->D + gap;
  const int tokensFirst = random_once(random, 2);
  rows.n = tokensFirst ? (ptrdiff_t)row * r->H : row;
  rows.h = tokensFirst ? row : (ptrdiff_t)row * r->N;
  rows.b = (ptrdiff_t)row * r->H * r->N;
  const size_t count = (size_t)r->B * r->H * r->N;
  rows.floats = count ? count * row - gap : 0;
  rows.data = buffers_add(buffers, random, rows.floats * sizeof(float));
  return rows;
}

static float *row4(const Rows4 *rows, int b, int h, int n) { return rows->data + b * rows->b + h * rows->h + n * rows->n; }

static void rotation_wrong(uint64_t seed, const Rotation *r, const char *what, double got, double want) {
  printf("wrong %s: got %.9g, expected %.9g\n", what, got, want);
  printf("  rotation seed %llu: B %d H %d N %d D %d R %d rows %d interleaved %d\n", (unsigned long long)seed, r->B, r->H, r->N,
         r->D, r->R, r->rows, r->interleaved);
  exit(1);
}

static void rotation_row_check(uint64_t seed, const Rotation *r, const float *from, const float *got, int position) {
  const int pairs = r->R / 2;
  for (int d = 0; d < r->D; d++) {
    double want = from[d];
    if (d < r->R) {
      const int pair = r->interleaved ? d / 2 : d % pairs, second = r->interleaved ? d % 2 : d >= pairs;
      const double c = r->cosines[(size_t)position * pairs + pair], s = r->sines[(size_t)position * pairs + pair];
      const double other = from[r->interleaved ? d ^ 1 : second ? d - pairs : d + pairs];
      want = want * c + (second ? other : -other) * s;
    }
    if (!(fabs(got[d] - want) <= (d < r->R ? 4e-7 : 0))) rotation_wrong(seed, r, "rotation", got[d], want);
  }
}

static void rotation_check(uint64_t seed, const Kernels *kernels) {
  Random random = {seed * 0x9e3779b97f4a7c15u};
  Buffers buffers = {0};
  Rotation r = {.B = random_int(&random, 0, 3), .H = random_int(&random, 0, 4), .N = random_size(&random, 40)};
  r.D = random_int(&random, 1, random_once(&random, 8) ? 600 : 70);
  r.R = random_int(&random, 0, r.D) & ~1;
  r.interleaved = random_once(&random, 2);
  r.rows = random_int(&random, r.N, 2 * r.N + 3);
  const size_t table = (size_t)r.rows * (r.R / 2);
  float *cosines = buffers_add(&buffers, &random, table * sizeof(float));
  float *sines = buffers_add(&buffers, &random, table * sizeof(float));
  for (size_t i = 0; i < table; i++) cosines[i] = random_float(&random), sines[i] = random_float(&random);
  r.cosines = cosines, r.sines = sines;
  const Rows4 from = rows4_random(&random, &buffers, &r);
  for (size_t i = 0; i < from.floats; i++) from.data[i] = random_float(&random);
  const Rows4 to = random_once(&random, 2) ? from : rows4_random(&random, &buffers, &r);
  r.from = from.data, r.fromB = from.b, r.fromH = from.h, r.fromN = from.n;
  r.to = to.data, r.toB = to.b, r.toH = to.h, r.toN = to.n;
  int32_t *positions = 0;
  r.offset = random_int(&random, 0, r.rows - r.N);
  if (random_once(&random, 2)) {
    r.positionB = random_once(&random, 2) ? r.N : 0;
    const size_t count = r.positionB ? (size_t)r.B * r.N : (size_t)r.N;
    r.positions = positions = buffers_add(&buffers, &random, count * sizeof(int32_t));
    for (size_t i = 0; i < count; i++) positions[i] = random_int(&random, 0, r.rows - 1);
  }
  float *before = malloc(from.floats * sizeof(float) + 1);
  memcpy(before, from.data, from.floats * sizeof(float));
  if (!kernels->rotate(&r)) rotation_wrong(seed, &r, "refusal", 0, 1);
  Rows4 kept = from;
  kept.data = before;
  for (int b = 0; b < r.B; b++)
    for (int h = 0; h < r.H; h++)
      for (int n = 0; n < r.N; n++) {
        const int position = positions ? positions[b * r.positionB + n] : r.offset + n;
        rotation_row_check(seed, &r, row4(&kept, b, h, n), row4(&to, b, h, n), position);
      }
  if (r.B && r.H && r.N) {
    // One position outside of the tables is refused, and nothing is read there.
    if (positions) positions[random_int(&random, 0, r.N - 1)] = random_once(&random, 2) ? r.rows : -random_int(&random, 1, INT32_MAX);
    else r.offset = random_once(&random, 2) ? r.rows - r.N + 1 : INT32_MAX;
    if (kernels->rotate(&r)) rotation_wrong(seed, &r, "acceptance", 1, 0);
  }
  free(before);
  buffers_close(&buffers);
}

#endif
