// AVX-512 (F, DQ): 16 lanes, 32 registers. 24 accumulators, 3 query vectors and a broadcast.
#ifndef SACCADE_SIMD_AVX512_H
#define SACCADE_SIMD_AVX512_H

#include "x86-quad.h"

enum { LANES = 16, PANEL_VECTORS = 3, OUTER_ROWS = 8, FUSED = 1, IN_PLACE = 1 };

typedef __m512 vf;
typedef __m512i vi;
typedef __mmask16 vm;

static inline vf vf_set(float x) { return _mm512_set1_ps(x); }
static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline vf vf_load_f16(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }
static inline vf vf_load_bf16(const uint16_t *p) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)p)), 16));
}
static inline vf vf_load_i8(const int8_t *p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)p)));
}
static inline void vf_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
static inline vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
static inline vf vf_accumulate(vf acc, vf a, vf b) { return vf_fma(a, b, acc); }
static inline vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf vf_pin(vf x) { return x; }
static inline vm vf_less(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
static inline vm vf_equal(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
static inline vf vf_select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
static inline vf vf_select_bits(vf m, vf a, vf b) { return vf_select(_mm512_cmplt_epi32_mask(_mm512_castps_si512(m), _mm512_set1_epi32(0)), a, b); }
static inline vf vf_zero_where(vm m, vf x) { return _mm512_maskz_mov_ps((vm)~m, x); }
static inline vf vf_bits_shifted_to_exponent(vf x) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(x), 23));
}
static inline vi vi_set(int32_t x) { return _mm512_set1_epi32(x); }
static inline vi vi_load(const int32_t *p) { return _mm512_loadu_si512(p); }
static inline vi vi_min(vi a, vi b) { return _mm512_min_epi32(a, b); }
static inline vi vi_max(vi a, vi b) { return _mm512_max_epi32(a, b); }
static inline vm vi_less(vi a, vi b) { return _mm512_cmplt_epi32_mask(a, b); }
static inline int vm_all(vm a) { return a == 0xffff; }
static inline vm vm_and(vm a, vm b) { return (vm)(a & b); }

static inline vf vf_swap(vf x) { return _mm512_permute_ps(x, 0xb1); }
static inline vf vf_twice(const float *p) {
  static const int32_t order[16] = {0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7};
  return _mm512_permutexvar_ps(_mm512_loadu_si512(order), _mm512_castps256_ps512(_mm256_loadu_ps(p)));
}

static inline __m256 vf_half(vf x) { return _mm512_extractf32x8_ps(x, 1); }
static inline v4 vf_fold(vf x) {
  __m256 y = _mm256_add_ps(_mm512_castps512_ps256(x), vf_half(x));
  return _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
}
// The sums of four vectors: their quarters are added to each other until each quarter is one vector's.
static inline v4 vf_sum_each(const vf x[4]) {
  const vf ab = vf_add(_mm512_shuffle_f32x4(x[0], x[1], 0x44), _mm512_shuffle_f32x4(x[0], x[1], 0xee));
  const vf cd = vf_add(_mm512_shuffle_f32x4(x[2], x[3], 0x44), _mm512_shuffle_f32x4(x[2], x[3], 0xee));
  const vf quarters = vf_add(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
  const vf pairs = vf_add(quarters, vf_swap(quarters)), sums = vf_add(pairs, _mm512_permute_ps(pairs, 0x4e));
  static const int32_t order[16] = {0, 4, 8, 12};
  return _mm256_castps256_ps128(_mm512_castps512_ps256(_mm512_permutexvar_ps(_mm512_loadu_si512(order), sums)));
}
static inline float vf_top(vf x) {
  __m256 y = _mm256_max_ps(_mm512_castps512_ps256(x), vf_half(x));
  return v4_top(_mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1)));
}

#endif
