// The AVX-512 intrinsics of simd/avx512.h lane by lane, after Intel's description of each, for processors that lack
// them: what is built on 16 lanes is then tested anywhere. An intrinsic that is missing here fails to compile.
#include_next <immintrin.h>

#ifndef SACCADE_TEST_EMULATED_IMMINTRIN_H
#define SACCADE_TEST_EMULATED_IMMINTRIN_H

#include <string.h>

#define EMULATED static inline __attribute__((always_inline))
#define EACH_LANE for (int i = 0; i < 16; i++)

typedef int lanes_512i __attribute__((vector_size(64)));

EMULATED __m512 emulated_set1_ps(float x) {
  __m512 to;
  EACH_LANE to[i] = x;
  return to;
}
EMULATED __m512 emulated_loadu_ps(const void *p) {
  __m512 to;
  memcpy(&to, p, sizeof to);
  return to;
}
EMULATED __m512 emulated_cvtph_ps(__m256i halves) {
  uint16_t from[16];
  __m512 to;
  memcpy(from, &halves, sizeof from);
  EACH_LANE to[i] = _cvtsh_ss(from[i]);
  return to;
}
EMULATED __m512i emulated_cvtepu16_epi32(__m256i halves) {
  uint16_t from[16];
  lanes_512i to;
  memcpy(from, &halves, sizeof from);
  EACH_LANE to[i] = from[i];
  return (__m512i)to;
}
EMULATED __m512i emulated_cvtepi8_epi32(__m128i bytes) {
  signed char from[16];
  lanes_512i to;
  memcpy(from, &bytes, sizeof from);
  EACH_LANE to[i] = from[i];
  return (__m512i)to;
}
EMULATED __m512 emulated_cvtepi32_ps(__m512i x) {
  const lanes_512i from = (lanes_512i)x;
  __m512 to;
  EACH_LANE to[i] = (float)from[i];
  return to;
}
EMULATED void emulated_storeu_ps(void *p, __m512 x) { memcpy(p, &x, sizeof x); }
EMULATED __m512 emulated_add_ps(__m512 a, __m512 b) { return a + b; }
EMULATED __m512 emulated_sub_ps(__m512 a, __m512 b) { return a - b; }
EMULATED __m512 emulated_mul_ps(__m512 a, __m512 b) { return a * b; }
EMULATED __m512 emulated_div_ps(__m512 a, __m512 b) { return a / b; }
EMULATED __m512 emulated_fmadd_ps(__m512 a, __m512 b, __m512 c) {
  EACH_LANE a[i] = __builtin_fmaf(a[i], b[i], c[i]);
  return a;
}
EMULATED __m512 emulated_fnmadd_ps(__m512 a, __m512 b, __m512 c) {
  EACH_LANE a[i] = __builtin_fmaf(-a[i], b[i], c[i]);
  return a;
}
// The second operand where either is NaN.
EMULATED __m512 emulated_max_ps(__m512 a, __m512 b) {
  EACH_LANE a[i] = a[i] > b[i] ? a[i] : b[i];
  return a;
}
EMULATED __m512 emulated_min_ps(__m512 a, __m512 b) {
  EACH_LANE a[i] = a[i] < b[i] ? a[i] : b[i];
  return a;
}
EMULATED __mmask16 emulated_cmp_ps_mask(__m512 a, __m512 b, int predicate) {
  unsigned mask = 0;
  EACH_LANE mask |= (unsigned)(predicate == _CMP_LT_OQ ? a[i] < b[i] : a[i] == b[i]) << i;
  return (__mmask16)mask;
}
// The second vector where the mask is set.
EMULATED __m512 emulated_mask_blend_ps(__mmask16 mask, __m512 a, __m512 b) {
  EACH_LANE a[i] = mask >> i & 1 ? b[i] : a[i];
  return a;
}
EMULATED __m512 emulated_maskz_mov_ps(__mmask16 mask, __m512 x) {
  EACH_LANE x[i] = mask >> i & 1 ? x[i] : 0;
  return x;
}
EMULATED __m512i emulated_castps_si512(__m512 x) { return (__m512i)x; }
EMULATED __m512 emulated_castsi512_ps(__m512i x) { return (__m512)x; }
EMULATED __m512i emulated_slli_epi32(__m512i x, unsigned by) {
  lanes_512i lanes = (lanes_512i)x;
  EACH_LANE lanes[i] = (int)((unsigned)lanes[i] << by);
  return (__m512i)lanes;
}
EMULATED __m512i emulated_set1_epi32(int x) {
  lanes_512i lanes;
  EACH_LANE lanes[i] = x;
  return (__m512i)lanes;
}
EMULATED __m512i emulated_loadu_si512(const void *p) {
  __m512i to;
  memcpy(&to, p, sizeof to);
  return to;
}
EMULATED __m512i emulated_min_epi32(__m512i a, __m512i b) {
  lanes_512i x = (lanes_512i)a, y = (lanes_512i)b;
  EACH_LANE x[i] = x[i] < y[i] ? x[i] : y[i];
  return (__m512i)x;
}
EMULATED __m512i emulated_max_epi32(__m512i a, __m512i b) {
  lanes_512i x = (lanes_512i)a, y = (lanes_512i)b;
  EACH_LANE x[i] = x[i] < y[i] ? y[i] : x[i];
  return (__m512i)x;
}
EMULATED __mmask16 emulated_cmplt_epi32_mask(__m512i a, __m512i b) {
  const lanes_512i x = (lanes_512i)a, y = (lanes_512i)b;
  unsigned mask = 0;
  EACH_LANE mask |= (unsigned)(x[i] < y[i]) << i;
  return (__mmask16)mask;
}
EMULATED __m256 emulated_castps512_ps256(__m512 x) {
  __m256 to;
  memcpy(&to, &x, sizeof to);
  return to;
}
EMULATED __m256 emulated_extractf32x8_ps(__m512 x, int half) {
  __m256 to;
  memcpy(&to, (const char *)&x + half * sizeof to, sizeof to);
  return to;
}
EMULATED __m512 emulated_castps256_ps512(__m256 x) {
  __m512 to = {0};
  memcpy(&to, &x, sizeof x);
  return to;
}
EMULATED __m512 emulated_permute_ps(__m512 x, int order) {
  __m512 to;
  EACH_LANE to[i] = x[(i & ~3) | (order >> (2 * (i & 3)) & 3)];
  return to;
}
// Quarters: two of a, then two of b, each by two bits of the order.
EMULATED __m512 emulated_shuffle_f32x4(__m512 a, __m512 b, int order) {
  __m512 to;
  EACH_LANE to[i] = (i < 8 ? a : b)[4 * (order >> 2 * (i / 4) & 3) + i % 4];
  return to;
}
EMULATED __m512 emulated_permutexvar_ps(__m512i order, __m512 x) {
  const lanes_512i from = (lanes_512i)order;
  __m512 to;
  EACH_LANE to[i] = x[from[i] & 15];
  return to;
}

#undef EACH_LANE

#define _mm512_set1_ps emulated_set1_ps
#define _mm512_loadu_ps emulated_loadu_ps
#define _mm512_cvtph_ps emulated_cvtph_ps
#define _mm512_cvtepu16_epi32 emulated_cvtepu16_epi32
#define _mm512_cvtepi8_epi32 emulated_cvtepi8_epi32
#define _mm512_cvtepi32_ps emulated_cvtepi32_ps
#define _mm512_min_epi32 emulated_min_epi32
#define _mm512_max_epi32 emulated_max_epi32
#define _mm512_storeu_ps emulated_storeu_ps
#define _mm512_add_ps emulated_add_ps
#define _mm512_sub_ps emulated_sub_ps
#define _mm512_mul_ps emulated_mul_ps
#define _mm512_div_ps emulated_div_ps
#define _mm512_fmadd_ps emulated_fmadd_ps
#define _mm512_fnmadd_ps emulated_fnmadd_ps
#define _mm512_max_ps emulated_max_ps
#define _mm512_min_ps emulated_min_ps
#undef _mm512_cmp_ps_mask
#define _mm512_cmp_ps_mask emulated_cmp_ps_mask
#define _mm512_mask_blend_ps emulated_mask_blend_ps
#define _mm512_maskz_mov_ps emulated_maskz_mov_ps
#define _mm512_castps_si512 emulated_castps_si512
#define _mm512_castsi512_ps emulated_castsi512_ps
#undef _mm512_slli_epi32
#define _mm512_slli_epi32 emulated_slli_epi32
#define _mm512_set1_epi32 emulated_set1_epi32
#define _mm512_loadu_si512 emulated_loadu_si512
#define _mm512_cmplt_epi32_mask emulated_cmplt_epi32_mask
#define _mm512_castps512_ps256 emulated_castps512_ps256
#define _mm512_castps256_ps512 emulated_castps256_ps512
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4 emulated_shuffle_f32x4
#undef _mm512_permute_ps
#define _mm512_permute_ps emulated_permute_ps
#define _mm512_permutexvar_ps emulated_permutexvar_ps
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps emulated_extractf32x8_ps

#endif
