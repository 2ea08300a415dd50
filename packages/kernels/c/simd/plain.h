// Plain C through the vector extension of GCC and Clang: 4 lanes, no instruction set assumed.
#ifndef SACCADE_SIMD_PLAIN_H
#define SACCADE_SIMD_PLAIN_H

#include "half.h"
#include <string.h>

enum { LANES = 4, PANEL_VECTORS = 2, OUTER_ROWS = 4, FUSED = 0, IN_PLACE = 1 };

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef vi vm;
typedef vf v4;

static inline vf vf_set(float x) { return (vf){x, x, x, x}; }
static inline vf vf_load(const float *p) {
  vf x;
  memcpy(&x, p, sizeof x);
  return x;
}
static inline vf vf_load_f16(const uint16_t *p) { return (vf)half4_widen(p); }
static inline vf vf_load_bf16(const uint16_t *p) { return (vf)bf16x4_widen(p); }
static inline vf vf_load_i8(const int8_t *p) { return (vf)i8x4_widen(p); }
static inline void vf_store(float *p, vf x) { memcpy(p, &x, sizeof x); }
static inline vf vf_add(vf a, vf b) { return a + b; }
static inline vf vf_sub(vf a, vf b) { return a - b; }
static inline vf vf_mul(vf a, vf b) { return a * b; }
static inline vf vf_div(vf a, vf b) { return a / b; }
static inline vf vf_fma(vf a, vf b, vf c) { return a * b + c; }
static inline vf vf_fnma(vf a, vf b, vf c) { return c - a * b; }
static inline vf vf_accumulate(vf acc, vf a, vf b) { return vf_fma(a, b, acc); }
static inline vf vf_pin(vf x) { return x; }
static inline vm vf_less(vf a, vf b) { return a < b; }
static inline vm vf_equal(vf a, vf b) { return a == b; }
static inline vf vf_select(vm m, vf a, vf b) { return (vf)(((vi)a & m) | ((vi)b & ~m)); }
static inline vf vf_select_bits(vf m, vf a, vf b) { return vf_select((vi)m, a, b); }
static inline vf vf_max(vf a, vf b) { return vf_select(b < a, a, b); }
static inline vf vf_min(vf a, vf b) { return vf_select(a < b, a, b); }
static inline vf vf_zero_where(vm m, vf x) { return (vf)((vi)x & ~m); }
static inline vf vf_bits_shifted_to_exponent(vf x) {
  typedef uint32_t vu __attribute__((vector_size(16)));
  return (vf)((vu)x << 23);
}
static inline vi vi_set(int32_t x) { return (vi){x, x, x, x}; }
static inline vi vi_load(const int32_t *p) {
  vi x;
  memcpy(&x, p, sizeof x);
  return x;
}
static inline vi vi_min(vi a, vi b) { return (a & (a < b)) | (b & ~(a < b)); }
static inline vi vi_max(vi a, vi b) { return (b & (a < b)) | (a & ~(a < b)); }
static inline vm vi_less(vi a, vi b) { return a < b; }
static inline int vm_all(vm a) { return a[0] && a[1] && a[2] && a[3]; }
static inline vm vm_and(vm a, vm b) { return a & b; }
static inline vf vf_swap(vf x) { return (vf){x[1], x[0], x[3], x[2]}; }
static inline vf vf_twice(const float *p) { return (vf){p[0], p[0], p[1], p[1]}; }

static inline v4 v4_set(float x) { return vf_set(x); }
static inline v4 v4_load(const float *p) { return vf_load(p); }
static inline void v4_store(float *p, v4 x) { vf_store(p, x); }
static inline v4 v4_add(v4 a, v4 b) { return a + b; }
static inline v4 v4_mul(v4 a, v4 b) { return a * b; }
static inline void v4_transpose(v4 r[4]) {
  v4 a = r[0], b = r[1], c = r[2], d = r[3];
  for (int i = 0; i < 4; i++) r[i] = (v4){a[i], b[i], c[i], d[i]};
}

static inline v4 vf_fold(vf x) { return x; }
// The sums of four vectors.
static inline v4 vf_sum_each(const vf x[4]) {
  v4 r[4] = {vf_fold(x[0]), vf_fold(x[1]), vf_fold(x[2]), vf_fold(x[3])};
  v4_transpose(r);
  return v4_add(v4_add(r[0], r[1]), v4_add(r[2], r[3]));
}
static inline float vf_top(vf x) {
  float top = x[0];
  for (int i = 1; i < 4; i++) top = x[i] > top ? x[i] : top;
  return top;
}

#endif
