// Rotary position embedding: y0 = x0 cos - x1 sin, y1 = x1 cos + x0 sin for every pair (Su et al., 2021, equation 34).
#ifndef SACCADE_ROTATE_H
#define SACCADE_ROTATE_H

#include "rotation.h"
#include "simd.h"

// Floats of the tables that stay in the first cache while one head after the other passes.
enum { ROTATE_TABLE_FLOATS = 4096 };

INLINE void rotate_pair(const float *from, float *to, ptrdiff_t second, float c, float s) {
  const float x0 = from[0], x1 = from[second];
  to[0] = x0 * c - x1 * s;
  to[second] = x1 * c + x0 * s;
}

INLINE void rotate_halves(const float *from, float *to, const float *cosines, const float *sines, int pairs) {
  int i = 0;
  for (; i + LANES <= pairs; i += LANES) {
    const vf x0 = vf_load(from + i), x1 = vf_load(from + pairs + i);
    const vf c = vf_load(cosines + i), s = vf_load(sines + i);
    vf_store(to + i, vf_fnma(x1, s, vf_mul(x0, c)));
    vf_store(to + pairs + i, vf_fma(x0, s, vf_mul(x1, c)));
  }
  for (; i < pairs; i++) rotate_pair(from + i, to + i, pairs, cosines[i], sines[i]);
}

INLINE void rotate_neighbours(const float *from, float *to, const float *cosines, const float *sines, int pairs) {
  static const float signs[16] = {-1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1, -1, 1};
  const vf sign = vf_load(signs);
  int i = 0;
  for (; i + LANES / 2 <= pairs; i += LANES / 2) {
    const vf x = vf_load(from + 2 * i), c = vf_twice(cosines + i), s = vf_mul(vf_twice(sines + i), sign);
    vf_store(to + 2 * i, vf_fma(vf_swap(x), s, vf_mul(x, c)));
  }
  for (; i < pairs; i++) rotate_pair(from + 2 * i, to + 2 * i, 1, cosines[i], sines[i]);
}

// 0 where the token's position is not in the tables. Positions may lie in memory that another thread writes to: each is
// read once, so that what was checked is what is used.
INLINE int rotate_row(const Rotation *r, int b, int h, int n) {
  const int64_t position = r->positions ? __atomic_load_n(r->positions + b * r->positionB + n, __ATOMIC_RELAXED)
                                        : (int64_t)r->offset + n;
  if (position < 0 || position >= r->rows) return 0;
  const int pairs = r->R / 2;
  const float *from = r->from + b * r->fromB + h * r->fromH + n * r->fromN;
  const float *cosines = r->cosines + position * pairs, *sines = r->sines + position * pairs;
  float *to = r->to + b * r->toB + h * r->toH + n * r->toN;
  if (r->interleaved) rotate_neighbours(from, to, cosines, sines, pairs);
  else rotate_halves(from, to, cosines, sines, pairs);
  if (to != from && r->D > r->R) __builtin_memcpy(to + r->R, from + r->R, (size_t)(r->D - r->R) * sizeof(float));
  return 1;
}

// Tokens of a batch element from `first` on with all their heads, in the order in which they lie.
INLINE int rotate_tokens(const Rotation *r, int b, int first, int tokens) {
  const int together = r->fromH < r->fromN; // the heads of a token
  const int outer = together ? tokens : r->H, inner = together ? r->H : tokens;
  for (int i = 0; i < outer; i++)
    for (int j = 0; j < inner; j++)
      if (!rotate_row(r, b, together ? j : i, first + (together ? i : j))) return 0;
  return 1;
}

static int32_t rotate(const Rotation *r) {
  const int tokens = r->R < ROTATE_TABLE_FLOATS ? ROTATE_TABLE_FLOATS / (r->R ? r->R : 1) : 1;
  for (int b = 0; b < r->B; b++)
    for (int from = 0; from < r->N; from += tokens)
      if (!rotate_tokens(r, b, from, r->N - from < tokens ? r->N - from : tokens)) return 0;
  return 1;
}

#endif
