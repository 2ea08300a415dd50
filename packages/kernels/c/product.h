// What a matrix product reads and writes: all of it contiguous, sums in f32.
//
//   out[n][o] = sum_i x[n][i] w[o][i] + bias[o]
//
// Weights are packed once, in the order in which the microkernel reads them, and then serve any number of products:
//
//   packed   [O / group][I][group]      groups of outputs along the lanes; the last one is as wide as whole vectors hold the rest
#ifndef SACCADE_PRODUCT_H
#define SACCADE_PRODUCT_H

#include <stddef.h>
#include <stdint.h>

// An item either multiplies a block of rows with some groups, or packs a group.
enum { PRODUCT_MULTIPLY, PRODUCT_PACK };

typedef struct {
  const float *x;      // [N, I]
  const void *weights; // to be packed: [O, I], numbers of `type`
  float *packed;       // read by products
  const float *bias;   // [O], or null
  float *out;          // [N, O]
  int32_t N, I, O;
  int32_t type;        // STORED_F32, STORED_F16 or STORED_BF16
  int32_t mode;        // PRODUCT_*
} Product;

typedef struct {
  // Numbers of a vector, and outputs of a group.
  int32_t lanes, group;
  int32_t (*items)(const Product *product);
  // Runs one item, in scratch of so many floats.
  void (*run)(const Product *product, int32_t item, float *scratch);
  ptrdiff_t scratchFloats;
} ProductKernels;

static inline ptrdiff_t product_packed_floats(const ProductKernels *kernels, int64_t I, int64_t O) {
  return (ptrdiff_t)(I * ((O + kernels->lanes - 1) / kernels->lanes * kernels->lanes));
}

#endif
