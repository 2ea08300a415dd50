// Random attention jobs and rotations through the kernels of one instruction set, against double-precision loops.
//
//   safety ISA COUNT [SEED]      ISA: plain, avx2, avx512, neon
//
// Meant for AddressSanitizer and UndefinedBehaviorSanitizer (or ThreadSanitizer); buffers also end at guard pages, so
// it finds reads past an end without them. Exits with 1 at the first wrong result, which a seed brings back.
#include "attend.h"
#include "pairs-check.h"
#include "product-check.h"
#include "recurrence-check.h"
#include "rotation-check.h"

static const Kernels *kernels_named(const char *name) {
  const Kernels *const linked[] = {
#ifdef SACCADE_TEST_PLAIN
      &saccade_plain,
#endif
#ifdef SACCADE_TEST_AVX2
      &saccade_avx2,
#endif
#ifdef SACCADE_TEST_AVX512
      &saccade_avx512,
#endif
#ifdef SACCADE_TEST_NEON
      &saccade_neon,
#endif
      0,
  };
  for (int i = 0; linked[i]; i++)
    if (!strcmp(linked[i]->name, name)) return linked[i];
  return 0;
}

typedef struct {
  uint64_t rows, pairs, units, split, streamed, threaded, poisoned, empty;
  uint64_t programs, garbage, blurred; // problems with expressions, with spoiled ones, and rows that could not be compared
  double worst; // error over tolerance
} Tally;

static void wrong(const Problem *p, const char *what, int b, int h, int n, int e, double got, double want, double tolerance) {
  printf("wrong %s at b %d h %d n %d e %d: got %.9g, expected %.9g within %.3g\n", what, b, h, n, e, got, want, tolerance);
  printf("  seed %llu: B %d H %d G %d N %d M %d D %d E %d operands %d types %d %d ring %d scale %g softcap %g bias %d mask %d "
         "sinks %d programs %d %d\n",
         (unsigned long long)p->seed, p->B, p->H, p->G, p->N, p->M, p->D, p->E, p->operands, p->k.type, p->v.type, p->ringRows,
         p->scale, p->softcap, p->biasTerm.given, p->maskTerm.given, p->hasSinks, p->maskProgram.given, p->scoreProgram.given);
  expression_print(&p->maskProgram), expression_print(&p->scoreProgram);
  exit(1);
}

static void value_check(Tally *tally, const Problem *p, const char *what, int b, int h, int n, int e, double got,
                        double want, double tolerance) {
  if (!isfinite(want)) {
    // An infinite value may meet a weight that f32 rounds to 0.
    if (what[0] == 'l' && want == -INFINITY ? got != want : isfinite(got)) wrong(p, what, b, h, n, e, got, want, 0);
    tally->poisoned += isnan(want);
    return;
  }
  const double error = fabs(got - want);
  if (!(error <= tolerance)) wrong(p, what, b, h, n, e, got, want, tolerance);
  if (error / tolerance > tally->worst) tally->worst = error / tolerance;
}

// Rows [from, to) of a plan's results. Rounding grows with the terms behind a score; values are below 1.
static void rows_check(Tally *tally, const Problem *p, const Plan *plan, const Results *results, int from, int to) {
  const Task **tasks = malloc((p->M + 1) * sizeof *tasks);
  Row row = {.out = malloc((p->E + 1) * sizeof(double)), .score = malloc((p->M + 1) * sizeof(double))};
  for (int b = 0; b < p->B; b++)
    for (int h = 0; h < p->H; h++) {
      const int list = plan_list(plan, p, b, h / p->group);
      for (int i = plan->firstBlock[list]; i < plan->firstBlock[list + 1]; i++) {
        const Block *block = plan->blocks + i;
        block_keys(plan, block, tasks, p->M);
        for (int j = 0; j < block->count; j++) {
          const int n = block_row(plan, block, j);
          row_reference(p, b, h, n, tasks, &row);
          // A single key has all of the weight, however little is known of its score.
          const int single = row.seen == 1 && !p->hasSinks;
          if (row.blurred || row.error > (single ? 0.01 + 1e-3 * fabs(row.lse) : 0.01)) {
            tally->blurred++;
            continue;
          }
          const double tolerance = 3e-7 * (4 + row.terms) + 2 * row.error;
          const float *out = staged_row(&results->out, b, h, n - from);
          const double spread = single ? 2e-6 : tolerance;
          for (int e = 0; e < p->E; e++) value_check(tally, p, "out", b, h, n, e, out[e], row.out[e], spread);
          if (results->hasLse) {
            const float lse = staged_row(&results->lse, b, h, 0)[n - from];
            value_check(tally, p, "lse", b, h, n, 0, lse, row.lse, tolerance + 1.2e-7 * fabs(row.lse));
          }
          tally->rows++;
          tally->empty += row.lse == -INFINITY;
          for (int key = 0; key < p->M; key++) tally->pairs += row.score[key] != -INFINITY;
        }
      }
    }
  (void)to;
  free(tasks), free(row.out), free(row.score);
}

// Which keys any task names: the others stay NaN in the caller's tensors.
static void needed_keys(const Plan *plan, const Problem *p, uint8_t *needed) {
  for (int b = 0; b < p->B; b++)
    for (int g = 0; g < p->G; g++) {
      uint8_t *row = needed + ((size_t)b * p->G + g) * p->M;
      const int list = plan_list(plan, p, b, g);
      memset(row, 0, p->M);
      for (int i = plan->firstBlock[list]; i < plan->firstBlock[list + 1]; i++)
        for (int t = plan->blocks[i].firstTask; t < plan->blocks[i].firstTask + plan->blocks[i].taskCount; t++)
          for (int j = 0; j < plan->tasks[t].keyCount; j++) row[task_key(plan, plan->tasks + t, j)] = 1;
    }
}

static int same_bits(const Problem *p, const Results *a, const Results *b, int count) {
  for (int i = 0; i < p->B; i++)
    for (int h = 0; h < p->H; h++)
      for (int n = 0; n < count; n++)
        if (memcmp(staged_row(&a->out, i, h, n), staged_row(&b->out, i, h, n), p->E * sizeof(float))) return 0;
  return 1;
}

static void wave_check(Random *random, const Kernels *kernels, const Problem *p, Plan *plan, Tally *tally, int from, int to) {
  Manner manner = {.panels = random_once(random, 3) ? random_int(random, 2, 4) : 1, .threads = random_int(random, 1, 3)};
  manner.truly = random_once(random, 8);
  if (p->ringRows) manner.panels = 1;
  const int parts = manner.panels == 1 && random_once(random, 3) ? 6 : 1;
  if (!plan_random(random, plan, p, from, to, parts)) return;
  uint8_t *needed = malloc((size_t)p->B * p->G * p->M + 1);
  needed_keys(plan, p, needed);
  Buffers buffers = {0};
  Results results = {.hasLse = p->single || random_once(random, 2)};
  job_attend(random, kernels, p, plan, from, to, needed, manner, &buffers, &results);
  if (!p->garbage) rows_check(tally, p, plan, &results, from, to);
  if (manner.panels == 1 && !p->garbage && random_once(random, 6)) {
    // The same units in another order, by other threads, from tensors that lie elsewhere.
    Results again = {.hasLse = 1};
    units_shuffle(random, plan);
    manner.threads = random_int(random, 1, 4), manner.truly = random_once(random, 8);
    job_attend(random, kernels, p, plan, from, to, needed, manner, &buffers, &again);
    if (!same_bits(p, &results, &again, to - from)) wrong(p, "bits in another order", 0, 0, from, 0, 0, 0, 0);
  }
  tally->units += plan->unitCount;
  tally->split += plan->joins;
  tally->streamed += manner.panels > 1;
  tally->threaded += manner.truly;
  buffers_close(&buffers);
  free(needed);
}

// A problem, its query rows in one wave or several.
static void case_check(uint64_t seed, const Kernels *kernels, Plan *plan, Tally *tally) {
  Random random = {seed * 0x2545f4914f6cdd1du};
  Problem p = problem_random(&random, seed);
  tally->programs += p.maskProgram.given || p.scoreProgram.given;
  tally->garbage += p.garbage;
  const int waves = random_once(&random, 3) ? random_int(&random, 2, 3) : 1;
  for (int wave = 0, from = 0; wave < waves; wave++) {
    const int to = wave == waves - 1 ? p.N : random_int(&random, from, p.N);
    wave_check(&random, kernels, &p, plan, tally, from, to);
    from = to;
  }
  problem_free(&p);
}

int main(int argc, char **argv) {
  const Kernels *kernels = argc > 2 ? kernels_named(argv[1]) : 0;
  if (!kernels) {
    fprintf(stderr, "usage: safety plain|avx2|avx512|neon COUNT [SEED]\n");
    return 2;
  }
  setvbuf(stdout, 0, _IOLBF, 0);
  static Plan plan;
  Tally tally = {0};
  const uint64_t count = strtoull(argv[2], 0, 10), first = argc > 3 ? strtoull(argv[3], 0, 10) : 1;
  for (uint64_t i = 0; i < count; i++) {
    if (count == 1 || getenv("SACCADE_TEST_TRACE")) printf("%s seed %llu\n", kernels->name, (unsigned long long)(first + i));
    case_check(first + i, kernels, &plan, &tally);
    rotation_check(first + i, kernels);
    pairs_check(first + i, kernels);
    recurrence_check(first + i, kernels);
    product_check(first + i, kernels);
  }
  printf("%s: %llu problems, as many rotations, jobs of scores, recurrences and products, %llu rows, %llu pairs, %llu units, %llu split, %llu streamed, %llu threaded, "
         "%llu NaN values, %llu empty rows, %llu with expressions, %llu of these spoiled, %llu rows blurred, worst error %.2f of the "
         "tolerance\n",
         kernels->name, (unsigned long long)count, (unsigned long long)tally.rows, (unsigned long long)tally.pairs,
         (unsigned long long)tally.units, (unsigned long long)tally.split, (unsigned long long)tally.streamed,
         (unsigned long long)tally.threaded, (unsigned long long)tally.poisoned, (unsigned long long)tally.empty,
         (unsigned long long)tally.programs, (unsigned long long)tally.garbage, (unsigned long long)tally.blurred, tally.worst);
  return 0;
}
