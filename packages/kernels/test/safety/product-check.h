// Random matrix products: weights of every type packed and multiplied, against the formula in double precision. Rows alone have the
// bits that they have among others.
#ifndef SACCADE_TEST_PRODUCT_CHECK_H
#define SACCADE_TEST_PRODUCT_CHECK_H

#include "../../c/kernels.h"
#include "buffer.h"
#include <math.h>

static void product_wrong(uint64_t seed, const Product *p, const char *what, double got, double want) {
  printf("wrong %s: got %.9g, expected %.9g\n", what, got, want);
  printf("  product seed %llu: N %d I %d O %d type %d bias %d\n", (unsigned long long)seed, p->N, p->I, p->O, p->type, p->bias != 0);
  exit(1);
}

static float *product_numbers(Random *random, Buffers *buffers, size_t count) {
  float *numbers = buffers_add(buffers, random, count * sizeof(float));
  for (size_t i = 0; i < count; i++) numbers[i] = random_float(random);
  return numbers;
}

// Weights as they are stored, and what they stand for: multiples of 1/64, which every type holds exactly.
static void *product_weights(Random *random, Buffers *buffers, const Product *p, float *values) {
  const size_t count = (size_t)p->I * p->O;
  void *stored = buffers_add(buffers, random, count * (p->type == STORED_F32 ? 4 : 2));
  for (size_t i = 0; i < count; i++) {
    union {
      float f;
      uint32_t u;
    } x = {.f = values[i] = (float)random_int(random, -64, 64) / 64};
    if (p->type == STORED_F32) ((float *)stored)[i] = x.f;
    else if (p->type == STORED_BF16) ((uint16_t *)stored)[i] = (uint16_t)(x.u >> 16);
    else ((uint16_t *)stored)[i] = x.f == 0 ? 0 : (uint16_t)((x.u >> 16 & 0x8000) | ((x.u & 0x7fffffff) - 0x38000000) >> 13);
  }
  return stored;
}

// Items in any order, in scratch that starts as NaN.
static void product_run_all(Random *random, Buffers *buffers, const ProductKernels *kernels, const Product *p) {
  float *scratch = buffers_add(buffers, random, (size_t)kernels->scratchFloats * sizeof(float));
  const int items = kernels->items(p), first = items ? random_int(random, 0, items - 1) : 0;
  for (int i = 0; i < items; i++) {
    kernels->run(p, (first + i) % items, scratch);
    memset(scratch, 0xff, (size_t)kernels->scratchFloats * sizeof(float));
  }
}

static void product_check(uint64_t seed, const Kernels *kernels) {
  Random random = {seed * 0x9fb21c651e98df25u};
  Buffers buffers = {0};
  Product p = {.N = random_size(&random, 600), .type = random_int(&random, STORED_F32, STORED_BF16)};
  do {
    p.I = random_once(&random, 8) ? random_int(&random, 0, 1100) : random_size(&random, 100);
    p.O = random_size(&random, 300);
  } while ((double)p.N * p.I * p.O > 2e6);
  float *values = malloc(sizeof(float) * (size_t)p.I * p.O + 1);
  p.weights = product_weights(&random, &buffers, &p, values);
  p.packed = buffers_add(&buffers, &random, (size_t)product_packed_floats(kernels->product, p.I, p.O) * sizeof(float));
  p.mode = PRODUCT_PACK;
  product_run_all(&random, &buffers, kernels->product, &p);
  p.mode = PRODUCT_MULTIPLY;
  p.x = product_numbers(&random, &buffers, (size_t)p.N * p.I);
  if (random_once(&random, 2)) p.bias = product_numbers(&random, &buffers, (size_t)p.O);
  p.out = buffers_add(&buffers, &random, (size_t)p.N * p.O * sizeof(float));
  product_run_all(&random, &buffers, kernels->product, &p);
  for (int n = 0; n < p.N; n++)
    for (int o = 0; o < p.O; o++) {
      double want = p.bias ? p.bias[o] : 0;
      for (int i = 0; i < p.I; i++) want += (double)p.x[(size_t)n * p.I + i] * values[(size_t)o * p.I + i];
      const double got = p.out[(size_t)n * p.O + o];
      if (!(fabs(got - want) <= 1e-7 * (p.I + 4))) product_wrong(seed, &p, "product", got, want);
    }
  if (p.N) {
    Product row = p;
    const int n = random_int(&random, 0, p.N - 1);
    row.N = 1;
    row.x = p.x + (size_t)n * p.I;
    row.out = buffers_add(&buffers, &random, (size_t)p.O * sizeof(float));
    product_run_all(&random, &buffers, kernels->product, &row);
    if (memcmp(row.out, p.out + (size_t)n * p.O, (size_t)p.O * sizeof(float))) product_wrong(seed, &p, "bits of a row alone", 0, 0);
  }
  free(values);
  buffers_close(&buffers);
}

#endif
