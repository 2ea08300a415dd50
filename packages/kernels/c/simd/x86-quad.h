// Four-float vectors on x86, for packing and for sums across lanes.
#ifndef SACCADE_SIMD_X86_QUAD_H
#define SACCADE_SIMD_X86_QUAD_H

#include <immintrin.h>

typedef __m128 v4;

static inline v4 v4_set(float x) { return _mm_set1_ps(x); }
static inline v4 v4_load(const float *p) { return _mm_loadu_ps(p); }
static inline void v4_store(float *p, v4 x) { _mm_storeu_ps(p, x); }
static inline v4 v4_add(v4 a, v4 b) { return _mm_add_ps(a, b); }
static inline v4 v4_mul(v4 a, v4 b) { return _mm_mul_ps(a, b); }
static inline void v4_transpose(v4 r[4]) { _MM_TRANSPOSE4_PS(r[0], r[1], r[2], r[3]); }
static inline float v4_top(v4 x) {
  x = _mm_max_ps(x, _mm_movehl_ps(x, x));
  return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
}

#endif
