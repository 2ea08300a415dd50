// The definition of attention over tasks, in double precision.
#ifndef SACCADE_TEST_REFERENCE_H
#define SACCADE_TEST_REFERENCE_H

#include "problem.h"

// What a row must be: `out` [E] and its lse; how far rounding may lead, from the largest sum of absolute terms behind any of
// its scores and the error that its expression passes on; and whether some pair is blurred, so that nothing is known.
typedef struct {
  double *out, *score;
  double lse, terms, error;
  int blurred, seen; // keys
} Row;

// Whether a task lets a row see a key; 2 where it is blurred.
static int task_shows(const Problem *p, const Task *task, int b, int h, int n, int key) {
  if (!(task->flags & TASK_PARTIAL)) return 1;
  return pair_visible(p, p->reaches + task->reach, (task->flags & TASK_MASKED) != 0, b, h, n, key);
}

// The score of a visible pair, -Infinity where its expression hides it; NaN is poison.
static double pair_score(const Problem *p, const Task *task, int b, int h, int n, int key, Row *row) {
  const float *q = problem_q(p, task->operand, b, h, n), *k = p->k.numbers + problem_key(p, b, h / p->group, key) * p->D;
  double dot = 0, size = 0, bias = 0;
  for (int d = 0; d < p->D; d++) dot += (double)q[d] * k[d], size += fabs((double)q[d] * k[d]);
  size *= fabs(p->scale);
  double s = dot * p->scale;
  if (p->softcap > 0) s = p->softcap * tanh(s / p->softcap);
  if (p->scoreProgram.given) {
    Pair at = pair_at(p, b, h, n, key, (Number){.x = s, .error = isfinite(s) ? 4e-7 * size + 1e-6 * fabs(s) + 1e-37 : 0});
    const Number score = expression_value(&p->scoreProgram, &at);
    row->blurred |= at.blurred;
    if (score.x == -INFINITY) return -INFINITY;
    s = score.x == INFINITY ? NAN : score.x;
    size = fabs(s);
    if (score.error > row->error) row->error = score.error;
  } else if (!isfinite(dot)) s = NAN;
  if (p->biasTerm.given) bias = p->bias[pair_term_index(p, p->biasTerm, b, h, n) + key];
  size += fabs(bias);
  if (size > row->terms) row->terms = size;
  return s + bias;
}

// Over the keys that have a task.
static void row_reference(const Problem *p, int b, int h, int n, const Task *const *tasks, Row *row) {
  double top = -INFINITY, sum = 0;
  int poisoned = 0;
  row->terms = row->error = row->blurred = row->seen = 0;
  for (int e = 0; e < p->E; e++) row->out[e] = 0;
  for (int key = 0; key < p->M; key++) {
    row->score[key] = -INFINITY;
    const int shown = tasks[key] ? task_shows(p, tasks[key], b, h, n, key) : 0;
    if (shown == 2) row->blurred = 1;
    if (!shown) continue;
    row->score[key] = pair_score(p, tasks[key], b, h, n, key, row);
    if (isnan(row->score[key])) poisoned = 1;
    row->seen += row->score[key] != -INFINITY;
    if (row->score[key] > top) top = row->score[key];
  }
  const double sink = p->hasSinks ? p->sinks[(p->sinksPerBatch ? b * p->H : 0) + h] : -INFINITY;
  if (sink > top) top = sink;
  if (poisoned) top = NAN;
  if (top == -INFINITY) {
    row->lse = -INFINITY;
    return;
  }
  for (int key = 0; key < p->M; key++)
    if (row->score[key] != -INFINITY) sum += exp(row->score[key] - top);
  if (sink != -INFINITY) sum += exp(sink - top);
  for (int key = 0; key < p->M; key++) {
    if (row->score[key] == -INFINITY) continue;
    const double weight = exp(row->score[key] - top) / sum;
    const float *v = p->v.numbers + problem_key(p, b, h / p->group, key) * p->E;
    for (int e = 0; e < p->E; e++) row->out[e] += weight * v[e];
  }
  row->lse = top + log(sum);
}

#endif
