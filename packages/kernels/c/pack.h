// Copies of a tile's operands in the order in which the microkernel reads them.
//
//   keys    [count / OUTER_ROWS][D][OUTER_ROWS]        transposed, so that the keys of a group are neighbours
//   values  [E / OUTER_ROWS][count][OUTER_ROWS]        column groups, so that the keys of a column follow each other
//   queries [D][rows of a panel]                       transposed and scaled
#ifndef SACCADE_PACK_H
#define SACCADE_PACK_H

#include "simd.h"
#include <stddef.h>

INLINE int round_up(int x, int to) { return (x + to - 1) / to * to; }

// to[d * stride + i] = rows[i][d] for four rows.
INLINE void pack_four_rows(const float *const rows[4], int depth, float *to, int stride) {
  int d = 0;
  for (; d + 4 <= depth; d += 4) {
    v4 r[4];
    for (int i = 0; i < 4; i++) r[i] = v4_load(rows[i] + d);
    v4_transpose(r);
    for (int i = 0; i < 4; i++) v4_store(to + (d + i) * stride, r[i]);
  }
  for (; d < depth; d++)
    for (int i = 0; i < 4; i++) to[d * stride + i] = rows[i][d];
}

// `count` rows of keys, `stride` elements apart.
static void pack_keys(const float *keys, ptrdiff_t stride, int count, int depth, float *to) {
  for (int j = 0; j < count; j += OUTER_ROWS, to += depth * OUTER_ROWS)
    for (int half = 0; half < OUTER_ROWS; half += 4) {
      const float *rows[4];
      // Past the end the last key stands again: its scores are computed, but never looked at.
      for (int i = 0; i < 4; i++) rows[i] = keys + (j + half + i < count ? j + half + i : count - 1) * stride;
      pack_four_rows(rows, depth, to + half, OUTER_ROWS);
    }
}

// `count` rows of values.
//
// Four column groups at a time: a source row's cache line is read whole, and only four lines are written at once
// (with all of them, their power-of-two distance would put them in the same cache sets).
static void pack_values(const float *values, ptrdiff_t stride, int count, int width, float *to) {
  enum { STRIP = 16 };
  const ptrdiff_t group = (ptrdiff_t)count * OUTER_ROWS;
  int e = 0;
  for (; e + STRIP <= width; e += STRIP)
    for (int j = 0; j < count; j++) {
      const float *row = values + j * stride + e;
      float *cell = to + e / OUTER_ROWS * group + j * OUTER_ROWS;
#pragma GCC unroll 4
      for (int i = 0; i < STRIP; i += 4) v4_store(cell + i / OUTER_ROWS * group + i % OUTER_ROWS, v4_load(row + i));
    }
  for (; e < width; e += OUTER_ROWS)
    for (int j = 0; j < count; j++)
      for (int i = 0; i < OUTER_ROWS; i++)
        to[e / OUTER_ROWS * group + j * OUTER_ROWS + i] = e + i < width ? values[j * stride + e + i] : 0.0f;
}

INLINE int is_finite(float x) { return x * 0.0f == 0.0f; }

// Whether `count` floats (a multiple of 4) are all finite: x * 0 is NaN where x is not. Four sums, since one would wait for
// itself at every step.
static int all_finite(const float *x, ptrdiff_t count) {
  v4 poison[4];
  for (int i = 0; i < 4; i++) poison[i] = v4_set(0.0f);
  ptrdiff_t at = 0;
  for (; at + 16 <= count; at += 16)
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) poison[i] = v4_add(poison[i], v4_mul(v4_load(x + at + 4 * i), v4_set(0.0f)));
  for (; at < count; at += 4) poison[0] = v4_add(poison[0], v4_mul(v4_load(x + at), v4_set(0.0f)));
  float lanes[4];
  v4_store(lanes, v4_add(v4_add(poison[0], poison[1]), v4_add(poison[2], poison[3])));
  return lanes[0] + lanes[1] + lanes[2] + lanes[3] == 0.0f;
}

// The same of rows, of a multiple of 4 floats each.
static int rows_finite(const float *rows, ptrdiff_t stride, int count, int width) {
  int finite = 1;
  for (int j = 0; j < count; j++) finite &= all_finite(rows + j * stride, width);
  return finite;
}

static void zero_nonfinite(float *x, ptrdiff_t count) {
  for (ptrdiff_t i = 0; i < count; i++)
    if (!is_finite(x[i])) x[i] = 0;
}

#endif
