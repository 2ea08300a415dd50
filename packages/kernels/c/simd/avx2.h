// AVX2 + FMA + F16C: 8 lanes, 16 registers. 12 accumulators, 3 query vectors and 1 broadcast fill them exactly.
#ifndef SACCADE_SIMD_AVX2_H
#define SACCADE_SIMD_AVX2_H

#include "x86-quad.h"

enum { LANES = 8, PANEL_VECTORS = 3, OUTER_ROWS = 4, FUSED = 1, IN_PLACE = 1 };

typedef __m256 vf;
typedef __m256i vi;
typedef __m256 vm;

static inline vf vf_set(float x) { return _mm256_set1_ps(x); }
static inline vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
static inline vf vf_load_f16(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }
static inline vf vf_load_bf16(const uint16_t *p) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p)), 16));
}
static inline vf vf_load_i8(const int8_t *p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}
static inline void vf_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
static inline vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
// acc + a b with the accumulator in place. Left to choose among the three forms of the instruction, GCC copies and
// spills accumulators and reads b from memory again and again.
static inline vf vf_accumulate(vf acc, vf a, vf b) {
  __asm__("vfmadd231ps %2, %1, %0" : "+x"(acc) : "x"(a), "x"(b));
  return acc;
}
static inline vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf vf_pin(vf x) { return x; }
static inline vm vf_less(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
static inline vm vf_equal(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_EQ_OQ); }
static inline vf vf_select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
static inline vf vf_select_bits(vf m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
static inline vf vf_zero_where(vm m, vf x) { return _mm256_andnot_ps(m, x); }
static inline vf vf_bits_shifted_to_exponent(vf x) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(x), 23));
}
static inline vi vi_set(int32_t x) { return _mm256_set1_epi32(x); }
static inline vi vi_load(const int32_t *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline vi vi_min(vi a, vi b) { return _mm256_min_epi32(a, b); }
static inline vi vi_max(vi a, vi b) { return _mm256_max_epi32(a, b); }
static inline vm vi_less(vi a, vi b) { return _mm256_castsi256_ps(_mm256_cmpgt_epi32(b, a)); }
static inline int vm_all(vm a) { return _mm256_movemask_ps(a) == 0xff; }
static inline vm vm_and(vm a, vm b) { return _mm256_and_ps(a, b); }
static inline vf vf_swap(vf x) { return _mm256_permute_ps(x, 0xb1); }
static inline vf vf_twice(const float *p) {
  const __m256i order = _mm256_set_epi32(3, 3, 2, 2, 1, 1, 0, 0);
  return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(p)), order);
}

static inline v4 vf_fold(vf x) { return _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)); }
// The sums of four vectors.
static inline v4 vf_sum_each(const vf x[4]) {
  v4 r[4] = {vf_fold(x[0]), vf_fold(x[1]), vf_fold(x[2]), vf_fold(x[3])};
  v4_transpose(r);
  return v4_add(v4_add(r[0], r[1]), v4_add(r[2], r[3]));
}
static inline float vf_top(vf x) {
  return v4_top(_mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)));
}

#endif
