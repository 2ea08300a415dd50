// Random jobs of scores: any sizes, strides and units, every reduction, against its formula in double precision. A score is the
// same bits in whatever unit it is computed.
#ifndef SACCADE_TEST_PAIRS_CHECK_H
#define SACCADE_TEST_PAIRS_CHECK_H

#include "../../c/kernels.h"
#include "stage.h"

typedef struct {
  int B, G, group, H, N, M, D, scoring;
  float scale;
  Staged q, k, lse;
} Pairs;

static void pairs_wrong(uint64_t seed, const Pairs *p, const char *what, double got, double want) {
  printf("wrong %s: got %.9g, expected %.9g\n", what, got, want);
  printf("  scores seed %llu: B %d H %d G %d N %d M %d D %d scoring %d\n", (unsigned long long)seed, p->B, p->H, p->G, p->N, p->M,
         p->D, p->scoring);
  exit(1);
}

static Staged pairs_stage(Random *random, Buffers *buffers, int B, int H, int N, int W) {
  const Staged at = stage_open(buffers, random, B, H, N, W, sizeof(float), 0);
  for (int b = 0; b < B; b++)
    for (int h = 0; h < H; h++)
      for (int n = 0; n < N; n++)
        for (int w = 0; w < W; w++) staged_row(&at, b, h, n)[w] = 2 * random_float(random);
  return at;
}

static double pairs_score(const Pairs *p, int b, int h, int n, int m) {
  const float *q = staged_row(&p->q, b, h, n), *k = staged_row(&p->k, b, h / p->group, m);
  double score = 0;
  for (int d = 0; d < p->D; d++) score += (double)q[d] * k[d];
  return score * p->scale;
}

// What stands in the output of head h, or of key head h; `size` is how large its terms are.
static double pairs_expected(const Pairs *p, int b, int h, int n, int m, double *size) {
  *size = 4 * p->D * fabs(p->scale) + 1;
  if (p->scoring == SCORES_EACH) return pairs_score(p, b, h, n, m);
  double result = p->scoring == SCORES_MAX ? -INFINITY : 0;
  for (int i = h * p->group; i < (h + 1) * p->group; i++) {
    const double score = pairs_score(p, b, i, n, m), term = staged_row(&p->lse, b, i, 0)[n];
    if (p->scoring == SCORES_SUM) result += score;
    if (p->scoring == SCORES_MAX && score > result) result = score;
    if (p->scoring == SCORES_RELU) result += term * fmax(0, score);
    if (p->scoring == SCORES_MASS) result += exp(score - term);
  }
  // An error of the exponent is one of the exponential's size.
  *size *= p->group * (p->scoring == SCORES_MASS ? 1 + result : 2);
  return result;
}

// Units that cover every score once: blocks of positions and ranges of keys, in any order.
static int pairs_units(Random *random, const Pairs *p, Unit *units, int most) {
  int count = 0;
  for (int head = 0; head < p->B * p->G; head++)
    for (int n = 0, rows; n < p->N; n += rows) {
      rows = random_int(random, 1, SACCADE_ROWS / p->group);
      if (random_once(random, 3)) rows = 1;
      if (rows > p->N - n) rows = p->N - n;
      for (int lo = 0, hi; lo < p->M && count < most; lo = hi) {
        hi = random_once(random, 2) || count + 1 == most ? p->M : random_int(random, lo + 1, p->M);
        units[count++] = (Unit){.batch = head / p->G, .head = head % p->G * p->group, .heads = p->group, .kvHead = head % p->G,
                                .firstTask = n, .taskCount = rows, .keyLo = lo, .keyHi = hi, .parts = 1};
      }
    }
  for (int i = count - 1; i > 0; i--) {
    const int j = random_int(random, 0, i);
    const Unit unit = units[i];
    units[i] = units[j], units[j] = unit;
  }
  return count;
}

static Staged pairs_run(Random *random, Buffers *buffers, const Kernels *kernels, const Pairs *p) {
  enum { MOST = 4000 };
  static Unit units[MOST];
  const int heads = p->scoring == SCORES_EACH ? p->H : p->G, count = pairs_units(random, p, units, MOST);
  const Staged out = stage_open(buffers, random, p->B, heads, p->N, p->M, sizeof(float), 0);
  Job job = {.q = {(const float *)p->q.data}, .k = p->k.data, .out = (float *)out.data, .lse = (float *)p->lse.data,
             .qB = p->q.b, .qH = p->q.h, .qN = p->q.n, .kB = p->k.b, .kH = p->k.h, .kN = p->k.n,
             .outB = out.b, .outH = out.h, .outN = out.n, .lseB = p->lse.b, .lseH = p->lse.h,
             .D = p->D, .E = 1, .operands = 1, .keyHi = p->M, .scoring = p->scoring, .unitCount = count, .scale = p->scale};
  int rows = 1;
  for (int i = 0; i < count; i++)
    if (units[i].taskCount * p->group > rows) rows = units[i].taskCount * p->group;
  job.units = copy_exactly(buffers, random, units, count * sizeof(Unit));
  job.scratchFloats = kernels->scratchFloats(rows, p->D, 1, 1, scratch_needs(&job));
  job.scratch = buffers_add(buffers, random, job.scratchFloats * sizeof(float));
  while (!kernels->run(&job, 0, random_int(random, 0, 3))) memset(job.scratch, 0xff, job.scratchFloats * sizeof(float));
  return out;
}

static void pairs_check(uint64_t seed, const Kernels *kernels) {
  Random random = {seed * 0xd1342543de82ef95u};
  Buffers buffers = {0};
  Pairs p = {.B = random_int(&random, 1, 2), .G = random_int(&random, 1, 3), .scoring = random_int(&random, SCORES_EACH, SCORES_RELU)};
  do {
    p.group = random_int(&random, 1, random_once(&random, 4) ? 9 : 3);
    p.N = random_size(&random, 300), p.M = random_size(&random, 700);
    p.D = random_int(&random, 1, random_once(&random, 8) ? 300 : 70);
    p.H = p.G * p.group;
  } while ((double)p.B * p.H * p.N * p.M * p.D > 2e6);
  p.scale = random_once(&random, 2) ? 1 : random_float(&random);
  p.q = pairs_stage(&random, &buffers, p.B, p.H, p.N, p.D);
  p.k = pairs_stage(&random, &buffers, p.B, p.G, p.M, p.D);
  p.lse = pairs_stage(&random, &buffers, p.B, p.H, 1, p.N);
  const Staged out = pairs_run(&random, &buffers, kernels, &p), again = pairs_run(&random, &buffers, kernels, &p);
  for (int b = 0; b < p.B; b++)
    for (int h = 0; h < (p.scoring == SCORES_EACH ? p.H : p.G); h++)
      for (int n = 0; n < p.N; n++)
        for (int m = 0; m < p.M; m++) {
          double size;
          const double want = pairs_expected(&p, b, h, n, m, &size), got = staged_row(&out, b, h, n)[m];
          // Beyond e^88 a mass may be infinite: the kernels' exponential ends there.
          if (want > 1.6e38 ? got < 1.6e38 : !(fabs(got - want) <= 1e-6 * size)) pairs_wrong(seed, &p, "score", got, want);
          if (memcmp(staged_row(&out, b, h, n) + m, staged_row(&again, b, h, n) + m, sizeof(float)))
            pairs_wrong(seed, &p, "bits in other units", staged_row(&again, b, h, n)[m], got);
        }
  buffers_close(&buffers);
}

#endif
