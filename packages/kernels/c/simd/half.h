// Four stored numbers as f32 by arithmetic that any vector unit has.
#ifndef SACCADE_SIMD_HALF_H
#define SACCADE_SIMD_HALF_H

#include <stdint.h>

typedef uint16_t half4 __attribute__((vector_size(8)));
typedef uint32_t word4 __attribute__((vector_size(16)));
typedef float float4 __attribute__((vector_size(16)));

// The exponent of a half moved under that of a float is 112 too small; a multiplication puts that right, for subnormal
// halves too.
static inline float4 half4_widen(const uint16_t *p) {
  half4 h;
  __builtin_memcpy(&h, p, sizeof h);
  const word4 x = __builtin_convertvector(h, word4);
  const float4 size = (float4)((x & 0x7fff) << 13) * 0x1p112f;
  const word4 special = (word4)((x & 0x7c00) == 0x7c00) & 0x7f800000u;
  return (float4)((word4)size | special | (x & 0x8000) << 16);
}

static inline word4 bf16x4_widen(const uint16_t *p) {
  half4 h;
  __builtin_memcpy(&h, p, sizeof h);
  return __builtin_convertvector(h, word4) << 16;
}

static inline float4 i8x4_widen(const int8_t *p) {
  typedef int8_t byte4 __attribute__((vector_size(4)));
  typedef int32_t int4 __attribute__((vector_size(16)));
  byte4 x;
  __builtin_memcpy(&x, p, sizeof x);
  return __builtin_convertvector(__builtin_convertvector(x, int4), float4);
}

#endif
