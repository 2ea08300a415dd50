// Copies of a problem's tensors as a caller may hold them: either layout, gaps between rows, an offset at the front,
// and nothing behind the last element. Gaps and unused rows stay NaN.
#ifndef SACCADE_TEST_STAGE_H
#define SACCADE_TEST_STAGE_H

#include "buffer.h"
#include "problem.h"

typedef struct {
  unsigned char *data; // element (0, 0, 0, 0)
  ptrdiff_t b, h, n;   // strides in elements
  size_t bytes;        // behind `data`
} Staged;

// Strides of [B, H, N, W]; the first is 0 where the batch elements share.
static Staged stage_strides(Random *random, int B, int H, int N, int W, int once, int shareBatch) {
  Staged at = {0};
  const int padded = random_once(random, 2);
  const int between = padded ? random_int(random, 0, 9) : 0;
  if (random_once(random, 2)) {
    at.n = W + between;
    at.h = N * at.n + (padded ? random_int(random, 0, 9) : 0);
    at.b = H * at.h;
  } else {
    at.h = W + between;
    at.n = H * at.h + (padded ? random_int(random, 0, 9) : 0);
    at.b = N * at.n;
  }
  if (random_once(random, once)) *(random_once(random, 2) ? &at.h : &at.n) += (ptrdiff_t)1 << 31; // past 32 bits
  if (shareBatch) at.b = 0;
  (void)B;
  return at;
}

static ptrdiff_t stage_end(const Staged *at, int B, int H, int N, int W) {
  if (B == 0 || H == 0 || N == 0 || W == 0) return 0;
  return (B - 1) * at->b + (H - 1) * at->h + (N - 1) * at->n + W;
}

static Staged stage_open(Buffers *buffers, Random *random, int B, int H, int N, int W, size_t size, int shareBatch) {
#ifdef SACCADE_TEST_NEAR // an emulator keeps tables of every page of address space
  const int far = INT32_MAX;
#else
  const int far = sizeof(void *) == 8 && size == 4 ? 300 : INT32_MAX;
#endif
  Staged at = stage_strides(random, B, H, N, W, far, shareBatch);
  const size_t offset = random_once(random, 2) ? 0 : (size_t)random_int(random, 1, 9);
  at.bytes = (size_t)stage_end(&at, B, H, N, W) * size;
  if (at.bytes > (size_t)1 << 30) {
    Buffer sparse = buffer_sparse(at.bytes + offset * size);
    if (sparse.data) {
      at.data = (unsigned char *)buffers_keep(buffers, sparse) + offset * size;
      return at;
    }
    at = stage_strides(random, B, H, N, W, INT32_MAX, shareBatch);
    at.bytes = (size_t)stage_end(&at, B, H, N, W) * size;
  }
  at.data = (unsigned char *)buffers_add(buffers, random, at.bytes + offset * size) + offset * size;
  return at;
}

static float *staged_row(const Staged *at, int b, int h, int n) {
  return (float *)at->data + b * at->b + h * at->h + n * at->n;
}

// Rows [from, to) of q.
static Staged stage_queries(Buffers *buffers, Random *random, const Problem *p, int from, int to) {
  const Staged at = stage_open(buffers, random, p->B, p->H, to - from, p->D, 4, 0);
  for (int b = 0; b < p->B; b++)
    for (int h = 0; h < p->H; h++)
      for (int n = from; n < to; n++)
        memcpy(staged_row(&at, b, h, n - from), p->q + (((size_t)b * p->H + h) * p->N + n) * p->D, p->D * sizeof(float));
  return at;
}

// Keys [lo, hi) of k (width D) or v (width E), as far as `needed` [B][G][M] names them.
static Staged stage_keys(Buffers *buffers, Random *random, const Problem *p, int lo, int hi, int values,
                         const uint8_t *needed) {
  const int width = values ? p->E : p->D;
  const Staged at = stage_open(buffers, random, p->B, p->G, hi - lo, width, 4, p->sharedKeys);
  for (int b = 0; b < p->B; b++)
    for (int g = 0; g < p->G; g++)
      for (int key = lo; key < hi; key++)
        if (needed[((size_t)b * p->G + g) * p->M + key])
          memcpy(staged_row(&at, b, g, key - lo), values ? problem_v(p, b, g, key) : problem_k(p, b, g, key),
                 width * sizeof(float));
  return at;
}

// Rows [from, to) and columns [lo, hi) of bias or mask; an axis that is broadcast has stride 0.
static Staged stage_pairs(Buffers *buffers, Random *random, const Problem *p, PairTerm term, const void *data,
                          size_t size, int from, int to, int lo, int hi) {
  const int rows = term.N == 1 ? 1 : to - from;
  Staged at = stage_open(buffers, random, term.B, term.H, rows, hi - lo, size, 0);
  for (int b = 0; b < term.B; b++)
    for (int h = 0; h < term.H; h++)
      for (int n = 0; n < rows; n++) {
        const size_t row = pair_term_index(p, term, b, h, term.N == 1 ? 0 : n + from);
        memcpy(at.data + (b * at.b + h * at.h + n * at.n) * (ptrdiff_t)size, (const unsigned char *)data + (row + lo) * size,
               (hi - lo) * size);
      }
  if (term.B == 1) at.b = 0;
  if (term.H == 1) at.h = 0;
  if (term.N == 1) at.n = 0;
  return at;
}

#endif
