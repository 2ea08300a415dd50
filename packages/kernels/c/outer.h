// The microkernel: both products of attention are sums of outer products over packed operands.
//
//   scores   S'[key][row]    += K[d][key]   (x) Q'[d][row]     depth D
//   values   O'[column][row] += V[key][column] (x) P'[key][row]     depth keys
//
//          rows, nv vectors                 a: OUTER_ROWS floats a step, broadcast
//        +---------+---------+              b: nv * LANES floats a step
//   a[0] |  acc    |  acc    |
//   a[1] |         |         |              Both run through memory at constant strides: in WebAssembly a variable
//   ...  |         |         |              stride costs half the speed, since addresses are derived anew.
//        +---------+---------+
//
// Natively `a` may also be read where it lies (Left): where rows are few, packing it would cost more than it gains.
//
// Query rows lie along the lanes, so the softmax over keys needs no sum across lanes.
#ifndef SACCADE_OUTER_H
#define SACCADE_OUTER_H

#include "simd.h"
#include <stddef.h>

// Element i of step d is at[i * row + d * step].
typedef struct {
  const float *at;
  size_t row, step;
} Left;

INLINE Left packed_left(const float *at) { return (Left){at, 1, OUTER_ROWS}; }

// The second half of the rows. At a variable distance each row would take a register for its address; halves take four together, with
// the distance and three times it.
INLINE const float *left_later(Left left) {
  const float *later = left.at + OUTER_ROWS / 2 * left.row;
#if defined(__x86_64__) || defined(__aarch64__)
  if (!__builtin_constant_p(left.row)) __asm__("" : "+r"(later));
#endif
  return later;
}

// Offsets are unsigned: only then may the compiler write them into WebAssembly's loads, where a wrapped sum would trap.
INLINE void outer_step(const int nv, const float *a, const float *later, size_t row_step, const float *b, vf acc[OUTER_ROWS][PANEL_VECTORS]) {
  vf row[PANEL_VECTORS];
#pragma GCC unroll 8
  for (unsigned v = 0; v < (unsigned)nv; v++) row[v] = vf_load(b + v * (unsigned)LANES);
#pragma GCC unroll 8
  for (unsigned i = 0; i < OUTER_ROWS; i++) {
    vf x = vf_set(i < OUTER_ROWS / 2 ? a[i * row_step] : later[(i - OUTER_ROWS / 2) * row_step]);
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) acc[i][v] = vf_accumulate(acc[i][v], x, row[v]);
  }
  // A step ends before the next begins: reordered across steps, the operands of four steps are alive at once and spill.
#pragma GCC unroll 8
  for (int i = 0; i < OUTER_ROWS; i++)
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) acc[i][v] = vf_pin(acc[i][v]);
}

// Eight steps a turn: with four, the turns themselves cost 2% on Zen 3; with sixteen, the code no longer fits its cache.
INLINE void outer(const int nv, int depth, Left left, const float *b, vf acc[OUTER_ROWS][PANEL_VECTORS]) {
  const float *a = left.at, *later = left_later(left);
#pragma GCC unroll 8
  for (int i = 0; i < OUTER_ROWS; i++)
#pragma GCC unroll 8
    for (int v = 0; v < nv; v++) acc[i][v] = vf_set(0.0f);
  int d = 0;
  for (; d + 8 <= depth; d += 8) {
#pragma GCC unroll 8
    for (unsigned u = 0; u < 8; u++)
      outer_step(nv, a + u * left.step, later + u * left.step, left.row, b + u * (unsigned)(nv * LANES), acc);
    a += 8 * left.step;
    later += 8 * left.step;
    b += 8 * nv * LANES;
  }
  for (; d < depth; d++) {
    outer_step(nv, a, later, left.row, b, acc);
    a += left.step;
    later += left.step;
    b += nv * LANES;
  }
}

// A few steps more, in a tenth of the code.
INLINE void outer_few(const int nv, int depth, Left left, const float *b, vf acc[OUTER_ROWS][PANEL_VECTORS]) {
  const float *a = left.at, *later = left_later(left);
#pragma GCC unroll 1
  for (int d = 0; d < depth; d++, a += left.step, later += left.step, b += nv * LANES)
    outer_step(nv, a, later, left.row, b, acc);
}

#endif
