// WebAssembly SIMD128, with fused multiply-add where relaxed SIMD is compiled in: 4 lanes.
// Engines on x86 have 16 registers, one of them their own: 8 accumulators do not spill, 12 do.
#ifndef SACCADE_SIMD_WASM_H
#define SACCADE_SIMD_WASM_H

#include "half.h"
#include <wasm_simd128.h>

enum { LANES = 4, PANEL_VECTORS = 2, OUTER_ROWS = 4, IN_PLACE = 0 };
#ifdef __wasm_relaxed_simd__
enum { FUSED = 1 };
#else
enum { FUSED = 0 };
#endif

typedef v128_t vf;
typedef v128_t vi;
typedef v128_t vm;
typedef v128_t v4;

static inline vf vf_set(float x) { return wasm_f32x4_splat(x); }
static inline vf vf_load(const float *p) { return wasm_v128_load(p); }
static inline vf vf_load_f16(const uint16_t *p) { return (vf)half4_widen(p); }
static inline vf vf_load_bf16(const uint16_t *p) { return (vf)bf16x4_widen(p); }
static inline vf vf_load_i8(const int8_t *p) { return (vf)i8x4_widen(p); }
static inline void vf_store(float *p, vf x) { wasm_v128_store(p, x); }
static inline vf vf_add(vf a, vf b) { return wasm_f32x4_add(a, b); }
static inline vf vf_sub(vf a, vf b) { return wasm_f32x4_sub(a, b); }
static inline vf vf_mul(vf a, vf b) { return wasm_f32x4_mul(a, b); }
static inline vf vf_div(vf a, vf b) { return wasm_f32x4_div(a, b); }
#ifdef __wasm_relaxed_simd__
static inline vf vf_fma(vf a, vf b, vf c) { return wasm_f32x4_relaxed_madd(a, b, c); }
static inline vf vf_fnma(vf a, vf b, vf c) { return wasm_f32x4_relaxed_nmadd(a, b, c); }
#else
static inline vf vf_fma(vf a, vf b, vf c) { return wasm_f32x4_add(wasm_f32x4_mul(a, b), c); }
static inline vf vf_fnma(vf a, vf b, vf c) { return wasm_f32x4_sub(c, wasm_f32x4_mul(a, b)); }
#endif
static inline vf vf_accumulate(vf acc, vf a, vf b) { return vf_fma(a, b, acc); }
// pmax(b, a) is b < a ? a : b, one x86 instruction; wasm's own max needs several to order zeros and NaNs.
static inline vf vf_max(vf a, vf b) { return wasm_f32x4_pmax(b, a); }
static inline vf vf_min(vf a, vf b) { return wasm_f32x4_pmin(b, a); }
// Keeps the compiler from moving the computation of x past other pins.
static inline vf vf_pin(vf x) {
  __asm__ volatile("" : "+r"(x));
  return x;
}
static inline vm vf_less(vf a, vf b) { return wasm_f32x4_lt(a, b); }
static inline vm vf_equal(vf a, vf b) { return wasm_f32x4_eq(a, b); }
static inline vf vf_select(vm m, vf a, vf b) { return wasm_v128_bitselect(a, b, m); }
static inline vf vf_select_bits(vf m, vf a, vf b) { return wasm_v128_bitselect(a, b, m); }
static inline vf vf_zero_where(vm m, vf x) { return wasm_v128_andnot(x, m); }
static inline vf vf_bits_shifted_to_exponent(vf x) { return wasm_i32x4_shl(x, 23); }
static inline vi vi_set(int32_t x) { return wasm_i32x4_splat(x); }
static inline vi vi_load(const int32_t *p) { return wasm_v128_load(p); }
static inline vi vi_min(vi a, vi b) { return wasm_i32x4_min(a, b); }
static inline vi vi_max(vi a, vi b) { return wasm_i32x4_max(a, b); }
static inline vm vi_less(vi a, vi b) { return wasm_i32x4_lt(a, b); }
static inline int vm_all(vm a) { return wasm_i32x4_all_true(a); }
static inline vm vm_and(vm a, vm b) { return wasm_v128_and(a, b); }
static inline vf vf_swap(vf x) { return wasm_i32x4_shuffle(x, x, 1, 0, 3, 2); }
static inline vf vf_twice(const float *p) {
  const vf x = wasm_v128_load64_zero(p);
  return wasm_i32x4_shuffle(x, x, 0, 0, 1, 1);
}

static inline v4 v4_set(float x) { return wasm_f32x4_splat(x); }
static inline v4 v4_load(const float *p) { return wasm_v128_load(p); }
static inline void v4_store(float *p, v4 x) { wasm_v128_store(p, x); }
static inline v4 v4_add(v4 a, v4 b) { return wasm_f32x4_add(a, b); }
static inline v4 v4_mul(v4 a, v4 b) { return wasm_f32x4_mul(a, b); }
static inline void v4_transpose(v4 r[4]) {
  v4 ab0 = wasm_i32x4_shuffle(r[0], r[1], 0, 4, 1, 5), ab1 = wasm_i32x4_shuffle(r[0], r[1], 2, 6, 3, 7);
  v4 cd0 = wasm_i32x4_shuffle(r[2], r[3], 0, 4, 1, 5), cd1 = wasm_i32x4_shuffle(r[2], r[3], 2, 6, 3, 7);
  r[0] = wasm_i64x2_shuffle(ab0, cd0, 0, 2);
  r[1] = wasm_i64x2_shuffle(ab0, cd0, 1, 3);
  r[2] = wasm_i64x2_shuffle(ab1, cd1, 0, 2);
  r[3] = wasm_i64x2_shuffle(ab1, cd1, 1, 3);
}

static inline v4 vf_fold(vf x) { return x; }
// The sums of four vectors.
static inline v4 vf_sum_each(const vf x[4]) {
  v4 r[4] = {vf_fold(x[0]), vf_fold(x[1]), vf_fold(x[2]), vf_fold(x[3])};
  v4_transpose(r);
  return v4_add(v4_add(r[0], r[1]), v4_add(r[2], r[3]));
}
static inline float vf_top(vf x) {
  x = vf_max(x, wasm_i64x2_shuffle(x, x, 1, 0));
  x = vf_max(x, wasm_i32x4_shuffle(x, x, 1, 0, 3, 2));
  return wasm_f32x4_extract_lane(x, 0);
}

#endif
