// Rows of keys and values as they are stored: f32, f16, bf16, or int8 with a factor a row.
#ifndef SACCADE_STORED_H
#define SACCADE_STORED_H

#include "job.h"
#include "simd.h"

INLINE int stored_bytes(int type) { return type == STORED_F32 ? 4 : type == STORED_I8 ? 1 : 2; }

// One number, for the ends of rows.
INLINE float f16_to_f32(uint16_t h) {
  union {
    uint32_t u;
    float f;
  } x = {.u = (uint32_t)(h & 0x7fff) << 13}, power = {.u = 0x77800000u}; // 2^112
  x.f *= power.f;                                                         // subnormal halves become normal floats
  if ((h & 0x7c00) == 0x7c00) x.u |= 0x7f800000u;
  x.u |= (uint32_t)(h & 0x8000) << 16;
  return x.f;
}
INLINE float bf16_to_f32(uint16_t h) {
  union {
    uint32_t u;
    float f;
  } x = {.u = (uint32_t)h << 16};
  return x.f;
}

static void row_from_f16(const char *from, int count, float *to) {
  const uint16_t *half = (const uint16_t *)from;
  int i = 0;
  for (; i + LANES <= count; i += LANES) vf_store(to + i, vf_load_f16(half + i));
  for (; i < count; i++) to[i] = f16_to_f32(half[i]);
}

static void row_from_bf16(const char *from, int count, float *to) {
  const uint16_t *half = (const uint16_t *)from;
  int i = 0;
  for (; i + LANES <= count; i += LANES) vf_store(to + i, vf_load_bf16(half + i));
  for (; i < count; i++) to[i] = bf16_to_f32(half[i]);
}

static void row_from_i8(const char *from, int count, float factor, float *to) {
  const int8_t *byte = (const int8_t *)from;
  const vf by = vf_set(factor);
  int i = 0;
  for (; i + LANES <= count; i += LANES) vf_store(to + i, vf_mul(vf_load_i8(byte + i), by));
  for (; i < count; i++) to[i] = byte[i] * factor;
}

// One row as f32; `factor` is that of an int8 row.
INLINE void row_widen(int type, const char *from, int count, float factor, float *to) {
  switch (type) {
  case STORED_F32: __builtin_memcpy(to, from, (size_t)count * sizeof(float)); break;
  case STORED_F16: row_from_f16(from, count, to); break;
  case STORED_BF16: row_from_bf16(from, count, to); break;
  default: row_from_i8(from, count, factor, to);
  }
}

#endif
