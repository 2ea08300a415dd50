// exp, tanh and log as the softmax needs them.
#ifndef SACCADE_ELEMENTARY_H
#define SACCADE_ELEMENTARY_H

#include "simd.h"

// exp(x) for x <= 0 within 2 ulp; NaN stays NaN, and what would be subnormal (x < -87.33) is 0.
//
// x = n ln 2 + r with |r| <= ln(2)/2 (Cody and Waite: ln 2 in two parts, so that r is exact), exp(x) = 2^n exp(r),
// exp(r) = 1 + r + r^2 q(r) with q fitted to 3e-9. Adding 1.5 * 2^23 + 127 rounds x / ln 2 to an integer and leaves
// n + 127 in the low bits, where a shift makes it the exponent of 2^n.
//
// Several vectors go through together, step by step: one after the other, the chain of dependent steps fills the
// scheduler of the processor before enough independent work is in sight (8.5 cycles a vector on Zen 3, 7.4 this way).
INLINE void vf_exp_each(const int count, vf *x) {
  const vf magic = vf_set(12583039.0f);
  vf z[PANEL_VECTORS], r[PANEL_VECTORS], q[PANEL_VECTORS];
#define EACH _Pragma("GCC unroll 8") for (int i = 0; i < count; i++)
  EACH z[i] = vf_fma(x[i], vf_set(1.44269504f), magic);
  EACH r[i] = vf_sub(z[i], magic);
  EACH q[i] = vf_fnma(r[i], vf_set(0.693359375f), x[i]);
  EACH r[i] = vf_fnma(r[i], vf_set(-2.12194440e-4f), q[i]);
  EACH q[i] = vf_fma(vf_set(1.38146e-3f), r[i], vf_set(8.368716e-3f));
  EACH q[i] = vf_fma(q[i], r[i], vf_set(4.166839e-2f));
  EACH q[i] = vf_fma(q[i], r[i], vf_set(0.16666521f));
  EACH q[i] = vf_fma(q[i], r[i], vf_set(0.49999994f));
  EACH q[i] = vf_fma(q[i], r[i], vf_set(1.0f));
  EACH q[i] = vf_fma(q[i], r[i], vf_set(1.0f));
  EACH q[i] = vf_mul(q[i], vf_bits_shifted_to_exponent(z[i]));
  EACH x[i] = vf_zero_where(vf_less(x[i], vf_set(-87.33f)), q[i]);
#undef EACH
}

INLINE vf vf_exp(vf x) {
  vf_exp_each(1, &x);
  return x;
}

// tanh(x) = x P(x^2) / Q(x^2) for |x| < 2, fitted to 0.4 * 2^-24 relative: relative accuracy near 0 matters, since
// softcap(s) = c tanh(s / c) must not blur small scores. Further out the rounding of P and Q would add up to 5 ulp, and
// (1 - t) / (1 + t) with t = exp(-2 |x|) is exact to 2. P and Q here, of z = x^2.
INLINE void tanh_near(vf z, vf *p, vf *q) {
  const vf one = vf_set(1.0f);
  *p = vf_fma(z, vf_set(1.3318770e-8f), vf_set(2.05832568e-5f));
  *q = vf_fma(z, vf_set(7.7618936e-7f), vf_set(3.28307040e-4f));
  *p = vf_fma(*p, z, vf_set(3.49402083e-3f));
  *q = vf_fma(*q, z, vf_set(2.58710210e-2f));
  *p = vf_fma(*p, z, vf_set(0.133797064f));
  *q = vf_fma(*q, z, vf_set(0.467130217f));
  *p = vf_fma(*p, z, one);
  *q = vf_fma(*q, z, one);
}

// x <- c tanh(x / c) = x P(z) / Q(z) with z = (x / c)^2, several vectors at a time. Scores beyond twice their cap are rare, and
// an exponential for all would cost more than all else. Lanes have the same bits whatever their neighbours are.
INLINE void vf_softcap_each(const int count, vf *x, float cap) {
  const vf one = vf_set(1.0f), per = vf_set(1 / cap), four = vf_set(4.0f);
  vf z[PANEL_VECTORS], p[PANEL_VECTORS], q[PANEL_VECTORS];
  int near = 1;
#define EACH _Pragma("GCC unroll 8") for (int i = 0; i < count; i++)
  EACH z[i] = vf_mul(x[i], per);
  EACH z[i] = vf_mul(z[i], z[i]);
  EACH near &= vm_all(vf_less(z[i], four));
  EACH tanh_near(z[i], p + i, q + i);
  EACH p[i] = vf_mul(x[i], p[i]);
  if (!near) EACH {
    const vm negative = vf_less(x[i], vf_set(0.0f)), inside = vf_less(z[i], four);
    const vf size = vf_select(negative, vf_sub(vf_set(0.0f), x[i]), x[i]);
    const vf t = vf_exp(vf_mul(vf_set(-2.0f / cap), size));
    const vf far = vf_mul(vf_set(cap), vf_select(negative, vf_sub(t, one), vf_sub(one, t)));
    p[i] = vf_select(inside, p[i], far);
    q[i] = vf_select(inside, q[i], vf_add(one, t));
  }
  EACH x[i] = vf_div(p[i], q[i]);
#undef EACH
}

INLINE vf vf_tanh(vf x) {
  vf_softcap_each(1, &x, 1.0f);
  return x;
}

// log(x) for x > 0 (a softmax sum is at least a normal number), in double: one per row, and there is no libm in
// WebAssembly. log(2^e m) = e ln 2 + 2 atanh((m - 1) / (m + 1)), m in [sqrt(1/2), sqrt(2)).
INLINE double log_of_sum(float x) {
  union {
    float f;
    uint32_t u;
  } bits = {.f = x};
  if (!(x > 0) || bits.u >= 0x7f800000u) return x == 0 ? -__builtin_inf() : x; // 0, NaN and Infinity
  int e = (int)(bits.u >> 23) - 127;
  bits.u = (bits.u & 0x7fffffu) | 0x3f800000u;
  double m = bits.f;
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e++;
  }
  double t = (m - 1) / (m + 1), t2 = t * t, sum = 0;
  for (int k = 19; k >= 1; k -= 2) sum = sum * t2 + 1.0 / k;
  return e * 0.6931471805599453 + 2 * t * sum;
}

#endif
