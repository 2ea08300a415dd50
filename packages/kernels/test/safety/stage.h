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

// Memory for a tensor with the strides of `at`; 0 where the system refuses that much address space.
static int stage_place(Buffers *buffers, Random *random, Staged *at, size_t size) {
  const size_t offset = random_once(random, 2) ? 0 : (size_t)random_int(random, 1, 9) * size, bytes = at->bytes + offset;
  if (at->bytes <= (size_t)1 << 30) {
    at->data = (unsigned char *)buffers_add(buffers, random, bytes) + offset;
    return 1;
  }
  const Buffer sparse = buffer_sparse(bytes);
  if (!sparse.data) return 0;
  at->data = (unsigned char *)buffers_keep(buffers, sparse) + offset;
  return 1;
}

static Staged stage_near(Buffers *buffers, Random *random, int B, int H, int N, int W, size_t size, int shareBatch) {
  Staged at = stage_strides(random, B, H, N, W, INT32_MAX, shareBatch);
  at.bytes = (size_t)stage_end(&at, B, H, N, W) * size;
  stage_place(buffers, random, &at, size);
  return at;
}

static Staged stage_open(Buffers *buffers, Random *random, int B, int H, int N, int W, size_t size, int shareBatch) {
#ifdef SACCADE_TEST_NEAR // an emulator keeps tables of every page of address space
  const int far = INT32_MAX;
#else
  const int far = sizeof(void *) == 8 && size == 4 ? 300 : INT32_MAX;
#endif
  Staged at = stage_strides(random, B, H, N, W, far, shareBatch);
  at.bytes = (size_t)stage_end(&at, B, H, N, W) * size;
  if (stage_place(buffers, random, &at, size)) return at;
  return stage_near(buffers, random, B, H, N, W, size, shareBatch);
}

static float *staged_row(const Staged *at, int b, int h, int n) {
  return (float *)at->data + b * at->b + h * at->h + n * at->n;
}

// Rows [from, to) of every operand, all with the same strides: near ones where there is no address space for so many far ones.
static void stage_queries(Buffers *buffers, Random *random, const Problem *p, int from, int to,
                          Staged to_operand[SACCADE_OPERANDS]) {
  to_operand[0] = stage_open(buffers, random, p->B, p->H, to - from, p->D, sizeof(float), 0);
  for (int o = 1; o < p->operands; o++) {
    to_operand[o] = to_operand[0];
    if (stage_place(buffers, random, to_operand + o, sizeof(float))) continue;
    to_operand[0] = stage_near(buffers, random, p->B, p->H, to - from, p->D, sizeof(float), 0);
    o = 0;
  }
  for (int o = 0; o < p->operands; o++)
    for (int b = 0; b < p->B; b++)
      for (int h = 0; h < p->H; h++)
        for (int n = from; n < to; n++)
          memcpy(staged_row(to_operand + o, b, h, n - from), problem_q(p, o, b, h, n), p->D * sizeof(float));
}

// Keys [lo, hi) of k or v, as far as `needed` [B][G][M] names them; in a ring, all of its rows.
static Staged stage_keys(Buffers *buffers, Random *random, const Problem *p, const StoredRows *from, int lo, int hi,
                         const uint8_t *needed) {
  const int rows = p->ringRows ? p->ringRows : hi - lo, width = from->width, size = from->bytes;
  const Staged at = stage_open(buffers, random, p->B, p->G, rows, width, size, p->sharedKeys);
  for (int b = 0; b < p->B; b++)
    for (int g = 0; g < p->G; g++)
      for (int key = lo; key < hi; key++) {
        if (!needed[((size_t)b * p->G + g) * p->M + key]) continue;
        const ptrdiff_t to = b * at.b + g * at.h + (problem_row(p, key) - lo) * at.n;
        memcpy(at.data + to * size, from->stored + problem_key(p, b, g, key) * width * size, (size_t)width * size);
      }
  return at;
}

// Their factors: one row per (b, g), whose "width" are the keys.
static Staged stage_factors(Buffers *buffers, Random *random, const Problem *p, const StoredRows *from, int lo, int hi,
                            const uint8_t *needed) {
  const int rows = p->ringRows ? p->ringRows : hi - lo;
  const Staged at = stage_open(buffers, random, p->B, p->G, 1, rows, sizeof(float), p->sharedKeys);
  for (int b = 0; b < p->B; b++)
    for (int g = 0; g < p->G; g++)
      for (int key = lo; key < hi; key++)
        if (needed[((size_t)b * p->G + g) * p->M + key])
          staged_row(&at, b, g, 0)[problem_row(p, key) - lo] = from->factors[problem_key(p, b, g, key)];
  return at;
}

static void *copy_exactly(Buffers *buffers, Random *random, const void *data, size_t bytes) {
  return memcpy(buffers_add(buffers, random, bytes), data, bytes);
}

static const Program *stage_program(Buffers *buffers, Random *random, const Expression *e) {
  Table tables[MAX_TABLES];
  Program program = expression_program(e, tables);
  for (int t = 0; t < e->tableCount; t++)
    tables[t].data = copy_exactly(buffers, random, e->tables[t], e->lengths[t] * sizeof(int32_t));
  program.tables = copy_exactly(buffers, random, tables, e->tableCount * sizeof(Table));
  program.code = copy_exactly(buffers, random, e->code, e->count * 5 * sizeof(int32_t));
  return copy_exactly(buffers, random, &program, sizeof program);
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
