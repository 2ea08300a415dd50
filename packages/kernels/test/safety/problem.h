// A random attention problem: sizes, tensors as they are stored, bounds, and expressions.
#ifndef SACCADE_TEST_PROBLEM_H
#define SACCADE_TEST_PROBLEM_H

#include "expression-value.h"
#include "stored-random.h"

enum { MAX_REACHES = 3 };

// Bias and mask: [B or 1][H or 1][N or 1][M].
typedef struct {
  int given, B, H, N;
} PairTerm;

typedef struct {
  uint64_t seed;
  int B, H, G, group, N, M, D, E, operands;
  float scale, softcap;
  Reach reaches[MAX_REACHES];
  int reachCount;
  int hasOffset, hasLength, hasSinks, sinksPerBatch, sharedKeys;
  int ringRows, ringStart; // key k lies in row (k + ringStart) mod ringRows; 0 rows: key k in row k
  int32_t offset[4], length[4];
  PairTerm biasTerm, maskTerm;
  float *q[SACCADE_OPERANDS], *bias, *sinks; // contiguous, in the order of the letters
  StoredRows k, v;
  uint8_t *mask;
  Expression maskProgram, scoreProgram;
  int maskAlways; // by every partial task
  int garbage;    // a program was spoiled: what comes out is anybody's guess
  int single;     // the mask leaves one key to a row, whose lse is then the score itself
  uint8_t *shows; // [B][H][N][M] what the mask program says: 0, 1, or 2 where it is blurred
} Problem;

static size_t pair_term_size(const Problem *p, PairTerm term) {
  return term.given ? (size_t)term.B * term.H * term.N * p->M : 0;
}
static size_t pair_term_index(const Problem *p, PairTerm term, int b, int h, int n) {
  b = term.B == 1 ? 0 : b, h = term.H == 1 ? 0 : h, n = term.N == 1 ? 0 : n;
  return (((size_t)b * term.H + h) * term.N + n) * p->M;
}
static PairTerm pair_term_random(Random *random, const Problem *p, int once) {
  if (!random_once(random, once)) return (PairTerm){0};
  return (PairTerm){1, random_once(random, 2) ? 1 : p->B, random_once(random, 2) ? 1 : p->H,
                    random_once(random, 4) ? 1 : p->N};
}

static int32_t problem_length(const Problem *p, int b) { return p->hasLength ? p->length[b] : p->M; }
static int64_t problem_position(const Problem *p, int b, int n) { return (int64_t)n + (p->hasOffset ? p->offset[b] : 0); }
static const float *problem_q(const Problem *p, int operand, int b, int h, int n) {
  return p->q[operand] + (((size_t)b * p->H + h) * p->N + n) * p->D;
}
static size_t problem_key(const Problem *p, int b, int g, int key) {
  return ((size_t)(p->sharedKeys ? 0 : b) * p->G + g) * p->M + key;
}
static int problem_row(const Problem *p, int key) { return p->ringRows ? (key + p->ringStart) % p->ringRows : key; }

static int within_reach(const Problem *p, const Reach *reach, int b, int n, int key) {
  const int64_t position = problem_position(p, b, n);
  if (key >= problem_length(p, b)) return 0;
  if (reach->ahead != INT32_MAX && key > position + reach->ahead) return 0;
  if (reach->chunk > 0) {
    const double chunk = floor((double)(position + reach->shift) / reach->chunk);
    if (key < chunk * reach->chunk - reach->shift - reach->behind) return 0;
  }
  return reach->back == INT32_MAX || key >= position - reach->back;
}

static int mask_shows(const Problem *p, int b, int h, int n, int key) {
  return p->shows[(((size_t)b * p->H + h) * p->N + n) * p->M + key];
}

// By bias and mask.
static int pair_shown(const Problem *p, int b, int h, int n, int key) {
  if (p->maskTerm.given && !p->mask[pair_term_index(p, p->maskTerm, b, h, n) + key]) return 0;
  return !p->biasTerm.given || p->bias[pair_term_index(p, p->biasTerm, b, h, n) + key] != -INFINITY;
}

// By everything but the score that the pair turns out to have; 2 where it is blurred.
static int pair_visible(const Problem *p, const Reach *reach, int masked, int b, int h, int n, int key) {
  if (!within_reach(p, reach, b, n, key) || !pair_shown(p, b, h, n, key)) return 0;
  return masked && p->maskProgram.given ? mask_shows(p, b, h, n, key) : 1;
}

static Pair pair_at(const Problem *p, int b, int h, int n, int key, Number score) {
  return (Pair){.position = problem_position(p, b, n), .head = h, .key = key, .batch = b, .score = score};
}

static float *floats_random(Random *random, size_t count) {
  float *floats = malloc(count * sizeof *floats + 1);
  for (size_t i = 0; i < count; i++) floats[i] = random_float(random);
  return floats;
}

static void problem_sizes(Random *random, Problem *p) {
  const double budget = random_once(random, 40) ? 4e6 : 3e5;
  do {
    p->B = random_int(random, 1, random_once(random, 3) ? 3 : 1);
    p->G = random_int(random, 1, 3);
    p->group = random_int(random, 1, random_once(random, 3) ? 9 : 2);
    p->H = p->G * p->group;
    p->N = random_size(random, 2 * SACCADE_ROWS);
    p->M = random_size(random, 600);
    p->D = random_size(random, 260);
    p->E = random_size(random, 260);
  } while ((double)p->B * p->H * (p->N + 1) * (p->M + 1) * (p->D + p->E + 8) > budget);
}

static Reach reach_random(Random *random) {
  Reach reach = {.ahead = random_once(random, 2) ? INT32_MAX : random_once(random, 2) ? 0 : random_int(random, 0, 40),
                 .back = random_once(random, 2) ? INT32_MAX : random_int(random, 0, 60)};
  if (random_once(random, 3)) {
    reach.chunk = random_int(random, 1, random_once(random, 10) ? 1 << 30 : 60);
    reach.shift = random_once(random, 2) ? 0 : random_int(random, -70, 70);
    reach.behind = random_once(random, 2) ? 0 : random_int(random, 0, 70);
  }
  return reach;
}

static void problem_bounds(Random *random, Problem *p) {
  p->reachCount = random_once(random, 2) ? 1 : random_int(random, 1, MAX_REACHES);
  for (int i = 0; i < p->reachCount; i++) p->reaches[i] = reach_random(random);
  p->hasOffset = !random_once(random, 3);
  p->hasLength = !random_once(random, 3);
  for (int b = 0; b < p->B; b++) {
    p->length[b] = random_once(random, 2) ? p->M : random_int(random, 0, p->M);
    p->offset[b] = random_once(random, 2) ? p->length[b] - p->N : random_int(random, -20, 20);
    if (random_once(random, 100)) p->offset[b] = random_once(random, 2) ? 2147483000 : -2147483000;
  }
}

static void problem_terms(Random *random, Problem *p) {
  p->biasTerm = pair_term_random(random, p, 4);
  p->single = (p->maskProgram.given || p->scoreProgram.given) && random_once(random, 2);
  p->maskTerm = p->single ? (PairTerm){1, p->B, p->H, p->N} : pair_term_random(random, p, 4);
  p->bias = floats_random(random, pair_term_size(p, p->biasTerm));
  const int hides = !random_once(random, 4);
  for (size_t i = 0; i < pair_term_size(p, p->biasTerm); i++)
    if (hides && random_once(random, 5)) p->bias[i] = -INFINITY;
  p->mask = malloc(pair_term_size(p, p->maskTerm) + 1);
  for (size_t i = 0; i < pair_term_size(p, p->maskTerm); i++)
    p->mask[i] = p->single || random_once(random, 3) ? 0 : (uint8_t)random_int(random, 1, 255);
  for (size_t row = 0; p->single && p->M && row < pair_term_size(p, p->maskTerm); row += p->M)
    p->mask[row + random_int(random, 0, p->M - 1)] = 1;
  p->hasSinks = random_once(random, 4);
  p->sinksPerBatch = random_once(random, 2);
  p->sinks = floats_random(random, (size_t)p->B * p->H);
  for (int i = 0; i < p->B * p->H; i++) {
    if (random_once(random, 8)) p->sinks[i] = -INFINITY;
    else if (random_once(random, 8)) p->sinks[i] *= 200;
  }
}

// A program for about `budget` steps over all pairs; now and then one that was spoiled, if it may still run.
static Expression problem_program(Random *random, Problem *p, int isScore) {
  const double pairs = (double)p->B * p->H * (p->N + 1) * (p->M + 1), budget = 2e5;
  const double most = random_once(random, 20) ? 900 : random_once(random, 4) ? 60 : 14;
  Expression e = expression_random(random, isScore, (int)fmin(most, budget / pairs));
  if (!expression_verify(&e)) {
    printf("wrong: a %s program is refused, seed %llu\n", isScore ? "score" : "mask", (unsigned long long)p->seed);
    exit(1);
  }
  if (!random_once(random, 4)) return e;
  for (int i = 0; i < 20; i++) {
    Expression spoiled = expression_copy(&e);
    if (random_once(random, 3)) expression_scramble(random, &spoiled);
    else expression_spoil(random, &spoiled);
    if (expression_verify(&spoiled)) {
      free(e.code);
      p->garbage = 1;
      return spoiled;
    }
    free(spoiled.code);
  }
  e.given = 0;
  return e;
}

static void problem_programs(Random *random, Problem *p) {
  if (random_once(random, 3)) p->maskProgram = problem_program(random, p, 0);
  if (random_once(random, 4)) p->scoreProgram = problem_program(random, p, 1);
  p->maskAlways = random_once(random, 2);
  const size_t pairs = (size_t)p->B * p->H * p->N * p->M;
  p->shows = calloc(pairs + 1, 1);
  if (!p->maskProgram.given || p->garbage) return;
  size_t i = 0;
  for (int b = 0; b < p->B; b++)
    for (int h = 0; h < p->H; h++)
      for (int n = 0; n < p->N; n++)
        for (int key = 0; key < p->M; key++) {
          Pair at = pair_at(p, b, h, n, key, (Number){0});
          const Number shown = expression_value(&p->maskProgram, &at);
          p->shows[i++] = at.blurred ? 2 : shown.i != 0;
        }
}

// Whether the score program hides a pair whatever its key holds.
static int score_hides(const Problem *p, int b, int h, int n, int key) {
  if (!p->scoreProgram.given || p->garbage) return 0;
  Pair at = pair_at(p, b, h, n, key, (Number){.x = NAN});
  return expression_value(&p->scoreProgram, &at).x == -INFINITY && !at.blurred;
}

static int pair_seen(const Problem *p, int b, int h, int n, int key) {
  for (int i = 0; i < p->reachCount; i++)
    if (pair_visible(p, p->reaches + i, p->maskAlways, b, h, n, key)) return !score_hides(p, b, h, n, key);
  return 0;
}

// Keys and values that nobody may see become NaN or Infinity; now and then also one that only some rows see.
static void problem_poison(Random *random, Problem *p) {
  for (int b = 0; b < (p->sharedKeys ? 1 : p->B); b++)
    for (int g = 0; g < p->G; g++)
      for (int key = 0; key < p->M; key++) {
        int seen = 0;
        for (int c = b; c < (p->sharedKeys ? p->B : b + 1) && !seen; c++)
          for (int h = g * p->group; h < (g + 1) * p->group && !seen; h++)
            for (int n = 0; n < p->N && !seen; n++) seen = pair_seen(p, c, h, n, key);
        if (seen ? !random_once(random, 400) : random_once(random, 4)) continue;
        const size_t row = problem_key(p, b, g, key);
        const float bad = random_once(random, 2) ? NAN : INFINITY;
        if (p->E && random_once(random, 2)) stored_poison(random, &p->v, row, random_int(random, 0, p->E - 1), bad);
        // A visible key of Infinity may weigh 0 or NaN, by the sign of the query; NaN is NaN. What hides a score of NaN
        // need not hide one of Infinity.
        if (p->D && random_once(random, seen ? 8 : 2))
          stored_poison(random, &p->k, row, random_int(random, 0, p->D - 1), seen || p->scoreProgram.given ? NAN : bad);
      }
}

static int type_random(Random *random) {
  return random_once(random, 2) ? STORED_F32 : random_int(random, STORED_F16, STORED_I8);
}

static Problem problem_random(Random *random, uint64_t seed) {
  Problem p = {.seed = seed};
  problem_sizes(random, &p);
  p.operands = random_once(random, 4) ? random_int(random, 2, SACCADE_OPERANDS) : 1;
  p.scale = random_once(random, 4) ? 2.0f * random_float(random) : 1.0f / sqrtf((float)p.D + 1);
  p.softcap = random_once(random, 4) ? (float)random_int(random, 1, 15) : 0;
  problem_bounds(random, &p);
  p.sharedKeys = random_once(random, 10);
  if (random_once(random, 6)) {
    p.ringRows = p.M + 1 + random_int(random, 0, 9);
    p.ringStart = random_int(random, 0, p.ringRows - 1);
  }
  for (int o = 0; o < p.operands; o++) p.q[o] = floats_random(random, (size_t)p.B * p.H * p.N * p.D);
  p.k = stored_random(random, type_random(random), (size_t)p.B * p.G * p.M, p.D);
  p.v = stored_random(random, random_once(random, 2) ? p.k.type : type_random(random), (size_t)p.B * p.G * p.M, p.E);
  problem_programs(random, &p);
  problem_terms(random, &p);
  problem_poison(random, &p);
  return p;
}

static void problem_free(Problem *p) {
  for (int o = 0; o < p->operands; o++) free(p->q[o]);
  stored_free(&p->k), stored_free(&p->v);
  free(p->bias), free(p->sinks), free(p->mask), free(p->shows);
  free(p->maskProgram.code), free(p->scoreProgram.code);
}

#endif
