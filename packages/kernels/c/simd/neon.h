// NEON (AArch64): 4 lanes, 32 registers. 24 accumulators, 3 query vectors and a broadcast.
#ifndef SACCADE_SIMD_NEON_H
#define SACCADE_SIMD_NEON_H

#include <arm_neon.h>
#include <string.h>

enum { LANES = 4, PANEL_VECTORS = 3, OUTER_ROWS = 8, FUSED = 1, IN_PLACE = 1 };

typedef float32x4_t vf;
typedef int32x4_t vi;
typedef uint32x4_t vm;
typedef float32x4_t v4;

static inline vf vf_set(float x) { return vdupq_n_f32(x); }
static inline vf vf_load(const float *p) { return vld1q_f32(p); }
static inline vf vf_load_f16(const uint16_t *p) { return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(p))); }
static inline vf vf_load_bf16(const uint16_t *p) { return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(p), 16)); }
static inline vf vf_load_i8(const int8_t *p) {
  int32_t four;
  memcpy(&four, p, sizeof four);
  return vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vcreate_s8((uint32_t)four)))));
}
static inline void vf_store(float *p, vf x) { vst1q_f32(p, x); }
static inline vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf vf_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
static inline vf vf_accumulate(vf acc, vf a, vf b) { return vf_fma(a, b, acc); }
// A comparison and a select, so that a NaN gives b as on x86: vmaxq_f32 would return the NaN.
static inline vf vf_pin(vf x) { return x; }
static inline vm vf_less(vf a, vf b) { return vcltq_f32(a, b); }
static inline vm vf_equal(vf a, vf b) { return vceqq_f32(a, b); }
static inline vf vf_select(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }
static inline vf vf_select_bits(vf m, vf a, vf b) { return vbslq_f32(vreinterpretq_u32_f32(m), a, b); }
static inline vf vf_max(vf a, vf b) { return vf_select(vcgtq_f32(a, b), a, b); }
static inline vf vf_min(vf a, vf b) { return vf_select(vcltq_f32(a, b), a, b); }
static inline vf vf_zero_where(vm m, vf x) { return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(x), m)); }
static inline vf vf_bits_shifted_to_exponent(vf x) {
  return vreinterpretq_f32_s32(vshlq_n_s32(vreinterpretq_s32_f32(x), 23));
}
static inline vi vi_set(int32_t x) { return vdupq_n_s32(x); }
static inline vi vi_load(const int32_t *p) { return vld1q_s32(p); }
static inline vi vi_min(vi a, vi b) { return vminq_s32(a, b); }
static inline vi vi_max(vi a, vi b) { return vmaxq_s32(a, b); }
static inline vm vi_less(vi a, vi b) { return vcltq_s32(a, b); }
static inline int vm_all(vm a) { return vminvq_u32(a) != 0; }
static inline vm vm_and(vm a, vm b) { return vandq_u32(a, b); }
static inline vf vf_swap(vf x) { return vrev64q_f32(x); }
static inline vf vf_twice(const float *p) {
  const float32x2_t x = vld1_f32(p);
  return vcombine_f32(vdup_lane_f32(x, 0), vdup_lane_f32(x, 1));
}

static inline v4 v4_set(float x) { return vdupq_n_f32(x); }
static inline v4 v4_load(const float *p) { return vld1q_f32(p); }
static inline void v4_store(float *p, v4 x) { vst1q_f32(p, x); }
static inline v4 v4_add(v4 a, v4 b) { return vaddq_f32(a, b); }
static inline v4 v4_mul(v4 a, v4 b) { return vmulq_f32(a, b); }
static inline void v4_transpose(v4 r[4]) {
  float32x4x2_t ab = vtrnq_f32(r[0], r[1]), cd = vtrnq_f32(r[2], r[3]);
  r[0] = vcombine_f32(vget_low_f32(ab.val[0]), vget_low_f32(cd.val[0]));
  r[1] = vcombine_f32(vget_low_f32(ab.val[1]), vget_low_f32(cd.val[1]));
  r[2] = vcombine_f32(vget_high_f32(ab.val[0]), vget_high_f32(cd.val[0]));
  r[3] = vcombine_f32(vget_high_f32(ab.val[1]), vget_high_f32(cd.val[1]));
}

static inline v4 vf_fold(vf x) { return x; }
// The sums of four vectors.
static inline v4 vf_sum_each(const vf x[4]) {
  v4 r[4] = {vf_fold(x[0]), vf_fold(x[1]), vf_fold(x[2]), vf_fold(x[3])};
  v4_transpose(r);
  return v4_add(v4_add(r[0], r[1]), v4_add(r[2], r[3]));
}
static inline float vf_top(vf x) { return vmaxnmvq_f32(x); }

#endif
