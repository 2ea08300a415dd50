// The accuracy of the kernels' exp and tanh, in units of the last place of the right result.
//
//   elementary STEP      every STEP-th float of [-104, 0] through exp, and of [-20, 20] through tanh
//
// In WebAssembly there is no main: the host fills `lanes` and reads them back.
#include "elementary.h"

#ifdef __wasm__

enum { COUNT = 4096 };
static float lanes[COUNT];

__attribute__((export_name("lanes"))) float *lanes_at(void) { return lanes; }
__attribute__((export_name("exp"))) void exp_lanes(void) {
  for (int i = 0; i < COUNT; i += LANES) vf_store(lanes + i, vf_exp(vf_load(lanes + i)));
}
__attribute__((export_name("tanh"))) void tanh_lanes(void) {
  for (int i = 0; i < COUNT; i += LANES) vf_store(lanes + i, vf_tanh(vf_load(lanes + i)));
}

#else

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float float_of(uint32_t bits) {
  float x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

// Distance in units of the last place of `want`, which is at least the smallest normal number.
static double ulps(float got, double want) {
  int exponent;
  frexp(want, &exponent);
  return fabs(got - want) / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

typedef struct {
  double worst;
  float at;
} Worst;

static void check(Worst *worst, float x, float got, double want) {
  const double error = ulps(got, want);
  if (!(error <= worst->worst)) worst->worst = error, worst->at = x; // NaN counts too
}

static int failures;

static void expect(int holds, const char *what) {
  if (!holds) printf("wrong: %s\n", what), failures++;
}

int main(int argc, char **argv) {
  const uint32_t step = argc > 1 ? (uint32_t)strtoul(argv[1], 0, 10) : 4099;
  Worst exps = {0}, tanhs = {0};
  const uint32_t sign = 0x80000000u;
  // x is split at -87.33, below which exp is 0.
  for (uint64_t bits = sign; bits <= sign + 0x42d00000u; bits += (uint64_t)step * LANES) {
    float x[LANES], y[LANES];
    for (int i = 0; i < LANES; i++) x[i] = float_of((uint32_t)(bits + (uint64_t)i * step));
    vf_store(y, vf_exp(vf_load(x)));
    for (int i = 0; i < LANES; i++)
      if (x[i] >= -87.33f) check(&exps, x[i], y[i], exp(x[i]));
      else expect(y[i] == 0, "exp of less than -87.33 is 0");
  }
  for (uint64_t bits = 0; bits <= 0x41a00000u; bits += (uint64_t)step * LANES) {
    float x[LANES], y[LANES];
    for (int i = 0; i < LANES; i++) x[i] = float_of((uint32_t)(bits + (uint64_t)i * step) | (i & 1 ? sign : 0));
    vf_store(y, vf_tanh(vf_load(x)));
    for (int i = 0; i < LANES; i++) check(&tanhs, x[i], y[i], tanh(x[i]));
  }
  float special[LANES];
  vf_store(special, vf_exp(vf_set(NAN)));
  expect(isnan(special[0]), "exp(NaN) is NaN");
  vf_store(special, vf_exp(vf_set(-INFINITY)));
  expect(special[0] == 0 && !signbit(special[0]), "exp(-Infinity) is 0");
  vf_store(special, vf_exp(vf_set(-0.0f)));
  expect(special[0] == 1, "exp(0) is 1");
  vf_store(special, vf_tanh(vf_set(NAN)));
  expect(isnan(special[0]), "tanh(NaN) is NaN");
  expect(exps.worst <= 2, "exp is within 2 ulp");
  expect(tanhs.worst <= 6, "tanh is within 6 ulp");
  printf("%s: exp within %.3f ulp (worst at %.9g), tanh within %.3f ulp (worst at %.9g)\n", SACCADE_STRING(SACCADE_ISA),
         exps.worst, exps.at, tanhs.worst, tanhs.at);
  return failures > 0;
}

#endif
