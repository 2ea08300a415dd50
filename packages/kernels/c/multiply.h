// Matrix products through the microkernel of attention: rows of x are its broadcast operand, read where they lie, and groups of
// packed weights its vectors.
//
//              d ->                  outputs ->
//   rows   +---------+           +---------+---------+
//     r0   |    x    |   outer   |  group  |  group  |     DEPTH of d at a time: a group's part stays in the second-level cache
//     ...  +---------+           +---------+---------+     while all rows of an item meet it, a strip's in the first
//
// Every output is the sum of its parts of DEPTH, each in ascending order of d, and then the bias: no split into items changes a
// bit, and neither do other rows.
#ifndef SACCADE_MULTIPLY_H
#define SACCADE_MULTIPLY_H

#include "outer.h"
#include "pack.h"
#include "product.h"
#include "stored.h"

enum { PRODUCT_GROUP = PANEL_VECTORS * LANES, PRODUCT_DEPTH = 512, PRODUCT_ROWS = 256 };

// An item in floating-point operations, about: some milliseconds of the slowest kernels. Rows are read in place, so small items cost nothing.
#define PRODUCT_ITEM 64e6
// Items that a product should have, so that every thread finds work until the end.
enum { PRODUCT_ITEMS = 16 };

typedef struct {
  int rows, rowBlocks;      // rows of a block, a multiple of OUTER_ROWS
  int groups, columnBlocks; // groups of a block of outputs
} ProductSplit;

// From the shape alone.
INLINE ProductSplit product_split(const Product *p) {
  const int groups = (p->O + PRODUCT_GROUP - 1) / PRODUCT_GROUP, blocks = (p->N + PRODUCT_ROWS - 1) / PRODUCT_ROWS;
  const int rows = round_up((p->N + blocks - 1) / blocks, OUTER_ROWS), rowBlocks = (p->N + rows - 1) / rows;
  const double work = 2.0 * rows * p->I * p->O / PRODUCT_ITEM;
  const int wanted = (PRODUCT_ITEMS + rowBlocks - 1) / rowBlocks, most = work > wanted ? (int)work + 1 : wanted;
  const int each = most >= groups ? 1 : (groups + most - 1) / most;
  return (ProductSplit){rows, rowBlocks, each, (groups + each - 1) / each};
}

static int32_t product_items(const Product *p) {
  if (p->O == 0 || (p->mode == PRODUCT_MULTIPLY && p->N == 0)) return 0;
  if (p->mode == PRODUCT_PACK) return (p->O + PRODUCT_GROUP - 1) / PRODUCT_GROUP;
  const ProductSplit split = product_split(p);
  return split.rowBlocks * split.columnBlocks;
}

INLINE int product_vectors(const Product *p, int group) {
  const int rest = p->O - group * PRODUCT_GROUP;
  return rest < PRODUCT_GROUP ? (rest + LANES - 1) / LANES : PANEL_VECTORS;
}

// Past the last output it stands again; what becomes of it is never written. Other types are widened a part at a time.
static void product_pack(const Product *p, int group, float *copies) {
  const int first = group * PRODUCT_GROUP, width = product_vectors(p, group) * LANES, bytes = stored_bytes(p->type);
  float *to = p->packed + (ptrdiff_t)first * p->I;
  for (int j = 0; j < width; j += 4)
    for (int d = 0; d < p->I; d += PRODUCT_DEPTH) {
      const int depth = p->I - d < PRODUCT_DEPTH ? p->I - d : PRODUCT_DEPTH;
      const float *four[4];
      for (int i = 0; i < 4; i++) {
        const int output = first + j + i < p->O ? first + j + i : p->O - 1;
        const char *row = (const char *)p->weights + ((ptrdiff_t)output * p->I + d) * bytes;
        four[i] = p->type == STORED_F32 ? (const float *)row : copies + i * PRODUCT_DEPTH;
        if (p->type != STORED_F32) row_widen(p->type, row, depth, 1.0f, copies + i * PRODUCT_DEPTH);
      }
      pack_four_rows(four, depth, to + (ptrdiff_t)d * width + j, width);
    }
}

// What is done to the sums of a part: the first is written, the others are added to what stands there, the bias comes last.
typedef struct {
  int first, last;
} Part;

// One strip of rows against one group, over a part of d. `rest` rows and `columns` outputs are written.
INLINE void product_tile(const int nv, const Product *p, Left left, int depth, const float *weights, Part part, int row, int rest, int output) {
  const int columns = p->O - output < nv * LANES ? p->O - output : nv * LANES;
  float *out = p->out + (ptrdiff_t)row * p->O + output;
  vf acc[OUTER_ROWS][PANEL_VECTORS];
  for (int i = 0; i < rest; i++)
    for (int v = 0; v < columns; v += 16) __builtin_prefetch(out + (ptrdiff_t)i * p->O + v, 1, 3);
  outer(nv, depth, left, weights, acc);
  if (columns == nv * LANES) {
#pragma GCC unroll 8
    for (int i = 0; i < OUTER_ROWS; i++) {
      if (i < rest) {
        float *to = out + (ptrdiff_t)i * p->O;
#pragma GCC unroll 8
        for (int v = 0; v < nv; v++) {
          vf sum = acc[i][v];
          if (!part.first) sum = vf_add(vf_load(to + v * LANES), sum);
          if (part.last && p->bias) sum = vf_add(sum, vf_load(p->bias + output + v * LANES));
          vf_store(to + v * LANES, sum);
        }
      }
    }
    return;
  }
  float sums[PANEL_VECTORS * LANES];
#pragma GCC unroll 8
  for (int i = 0; i < OUTER_ROWS; i++) {
    if (i < rest) {
      float *to = out + (ptrdiff_t)i * p->O;
#pragma GCC unroll 8
      for (int v = 0; v < nv; v++) vf_store(sums + v * LANES, acc[i][v]);
      for (int o = 0; o < columns; o++) {
        float sum = part.first ? sums[o] : to[o] + sums[o];
        if (part.last && p->bias) sum += p->bias[output + o];
        to[o] = sum;
      }
    }
  }
}

static void product_tile_any(int nv, const Product *p, Left left, int depth, const float *weights, Part part, int row, int rest, int output) {
  switch (nv) {
  case 1: product_tile(1, p, left, depth, weights, part, row, rest, output); break;
  case PANEL_VECTORS: product_tile(PANEL_VECTORS, p, left, depth, weights, part, row, rest, output); break;
  default:
    if (PANEL_VECTORS > 2) product_tile(2, p, left, depth, weights, part, row, rest, output);
  }
}

// Strips in which rows are missing are copied, the last row again and again.
static Left product_copy(const Product *p, int row, int rest, int d, int depth, float *copies) {
  for (int i = 0; i < OUTER_ROWS; i++) {
    const float *from = p->x + (ptrdiff_t)(row + (i < rest ? i : rest - 1)) * p->I + d;
    for (int j = 0; j < depth; j++) copies[j * OUTER_ROWS + i] = from[j];
  }
  return packed_left(copies);
}

static void product_multiply(const Product *p, int32_t item, float *copies) {
  const ProductSplit split = product_split(p);
  const int firstRow = item % split.rowBlocks * split.rows, firstGroup = item / split.rowBlocks * split.groups;
  const int endRow = p->N - firstRow < split.rows ? p->N : firstRow + split.rows, groups = (p->O + PRODUCT_GROUP - 1) / PRODUCT_GROUP;
  const int endGroup = groups - firstGroup < split.groups ? groups : firstGroup + split.groups;
  // Without any inputs there is one part, of no numbers.
  for (int d = 0; d == 0 || d < p->I; d += PRODUCT_DEPTH) {
    const int depth = p->I - d < PRODUCT_DEPTH ? p->I - d : PRODUCT_DEPTH, whole = firstRow + (endRow - firstRow) / OUTER_ROWS * OUTER_ROWS;
    const Part part = {d == 0, d + depth == p->I};
    Left rest = {0};
    if (whole < endRow) rest = product_copy(p, whole, endRow - whole, d, depth, copies);
    for (int group = firstGroup; group < endGroup; group++) {
      const int nv = product_vectors(p, group), output = group * PRODUCT_GROUP;
      const float *weights = p->packed + (ptrdiff_t)output * p->I + (ptrdiff_t)d * nv * LANES;
      for (int row = firstRow; row < whole; row += OUTER_ROWS) {
        const Left left = {p->x + (ptrdiff_t)row * p->I + d, (size_t)p->I, 1};
        product_tile_any(nv, p, left, depth, weights, part, row, OUTER_ROWS, output);
      }
      if (whole < endRow) product_tile_any(nv, p, rest, depth, weights, part, whole, endRow - whole, output);
    }
  }
}

static void product_run(const Product *p, int32_t item, float *scratch) {
  if (p->mode == PRODUCT_PACK) product_pack(p, item, scratch);
  else product_multiply(p, item, scratch);
}

static const ProductKernels product_kernels = {LANES, PRODUCT_GROUP, product_items, product_run, PRODUCT_DEPTH * (OUTER_ROWS > 4 ? OUTER_ROWS : 4)};

#endif
