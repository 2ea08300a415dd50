// Softmax attention over a schedule: a unit's tasks, tile by tile. Compiled once per instruction set.
#include "expressions.h"
#include "few-rows.h"
#include "finish.h"
#include "kernels.h"
#include "load.h"
#ifndef __wasm__
#include "multiply.h"
#endif
#include "pair-scores.h"
#include "panel.h"
#include "recur.h"
#include "rotate.h"
#include "scratch-parts.h"
#include "scores.h"
#include "softmax.h"
#include "tile.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)

// One thread's scratch, in floats from the start:
//
//   keys      [TILE_KEYS / OUTER_ROWS][D][OUTER_ROWS]
//   values    [E / OUTER_ROWS][TILE_KEYS][OUTER_ROWS]
//   scores    [TILE_KEYS][panel width], or [FEW_ROWS][FEW_KEYS] where there are few rows
//   terms     the same   where pairs have terms
//   registers of the score program, then of the mask program
//   copies    [TILE_KEYS][D], [TILE_KEYS][E]   where keys and values are widened or gathered
//   panels    of a gathered task's rows
//   state     of the unit, unless the job keeps it
typedef struct {
  float *keys, *values, *scores, *terms, *registers, *copies, *panels, *state;
} Scratch;

static ptrdiff_t scratch_open(Scratch *scratch, float *base, int D, int E, int operands, int needs) {
  enum { WIDTH = PANEL_VECTORS * LANES, PARTS = 7 };
  const int keys = tile_keys(D, E), few = FEW_ROWS * FEW_KEYS, pairs = keys * WIDTH > few ? keys * WIDTH : few;
  const ptrdiff_t sizes[PARTS] = {cache_line((ptrdiff_t)keys * D),
                                  cache_line((ptrdiff_t)keys * round_up(E, OUTER_ROWS)),
                                  pairs,
                                  needs & (SCRATCH_TERMS | SCRATCH_PROGRAMS) ? pairs : 0,
                                  needs & SCRATCH_PROGRAMS ? 2 * PROGRAM_FLOATS : 0,
                                  needs & SCRATCH_COPIES ? cache_line((ptrdiff_t)keys * (D + E)) : 0,
                                  needs & SCRATCH_GATHERED ? cache_line(unit_state_floats(SACCADE_ROWS, D, E, operands)) : 0};
  float **parts[PARTS] = {&scratch->keys,      &scratch->values, &scratch->scores, &scratch->terms,
                          &scratch->registers, &scratch->copies, &scratch->panels};
  ptrdiff_t used = 0;
  for (int i = 0; i < PARTS; i++) {
    *parts[i] = base ? base + used : 0;
    used += sizes[i];
  }
  scratch->state = base ? base + used : 0;
  return used;
}

// One panel against one tile.
INLINE void panel_tile(const int nv, const Panel *panel, const Rows *rows, const Tile *tile, Span span,
                       const Scratch *scratch) {
  const Job *job = rows->job;
  vf top[PANEL_VECTORS], alpha[PANEL_VECTORS];
  for (int v = 0; v < nv; v++) top[v] = vf_set(-__builtin_inff());
  score_products(nv, panel, tile, span, job, scratch->scores, top);
  float *scores = scratch->scores, *terms = job->bias || job->mask ? scratch->terms : 0;
  const int programs = tile->masked || job->scoreProgram;
  // Where nothing is added to scores, the rest of their scale is part of the exponent and never rounded by itself.
  const int scaled = job->softcap > 0 || terms || programs;
  if (!span.full || scaled) {
    for (int v = 0; v < nv; v++) top[v] = vf_set(-__builtin_inff());
    if (terms) score_terms(panel, rows, tile, span, terms);
    Programs expressions;
    if (programs) programs_open(&expressions, panel, rows, tile, scratch->registers);
    // Chunk by chunk where there are programs: what these make is looked at while it is in the first-level cache.
    for (int j = span.from, end; j < span.to; j = end) {
      end = programs && span.to - j > CHUNK ? j + CHUNK : span.to;
      ScoreRules rules = {.terms = terms, .raw = scaled};
      rules.scores = (PairVectors){(const char *)(scores + j * nv * LANES), nv * (int)sizeof(vf), sizeof(vf)};
      if (programs) programs_run(&expressions, scores, j, end, &rules);
      score_rules(nv, panel, rows, tile, (Span){j, end, 0}, &rules, scores, top);
    }
    if (programs && !tile->finite) panel_hidden(panel, span, scores, terms = scratch->terms);
  }
  softmax_weights(nv, panel, span, scaled ? 1.0f : rows_score_factor(job), scratch->scores, top, alpha);
  softmax_values(nv, panel, tile, span, job->E, scratch->scores, alpha);
  if (!tile->finite) softmax_nonfinite(panel, rows, tile, span, terms);
}

static void panel_tile_any(const Panel *panel, const Rows *rows, const Tile *tile, const Scratch *scratch) {
  const Span span = panel_span(panel, rows, tile);
  if (span.from >= span.to) {
    tile_prefetch(tile, rows->job, tile->asking, tile->asked);
    return;
  }
  switch (panel->vectors) {
  case 1: panel_tile(1, panel, rows, tile, span, scratch); break;
  case PANEL_VECTORS: panel_tile(PANEL_VECTORS, panel, rows, tile, span, scratch); break;
  default:
    if (PANEL_VECTORS > 2) panel_tile(2, panel, rows, tile, span, scratch);
  }
}

// A unit's running state: panels of many rows, or a few rows kept as they are.
typedef struct {
  Rows rows;
  int few, panels;
  Panel panel[SACCADE_ROWS / LANES + 1];
  Slot slot;
  Scratch scratch;
} Work;

// Panels up to which a tile's rows are read where they lie: more of them make packing worth its while. On Zen 3 reading
// in place takes 3% less time with 192 rows, 8% with 64, 25% with 24.
enum { IN_PLACE_PANELS = IN_PLACE ? 8 : 0 };

// Whether groups of keys and of columns are all full, since the microkernel reads no other, and rows are near each other:
// far apart, at powers of two even, they would take each other's place in the first-level cache.
static int tile_readable(const Tile *tile, const Job *job) {
  return tile->count % OUTER_ROWS == 0 && job->E % OUTER_ROWS == 0 && tile->kStep <= 2 * job->D && tile->vStep <= 2 * job->E;
}

static void tile_pack(Tile *tile, const Job *job, int check, const Scratch *scratch) {
  const ptrdiff_t packed = (ptrdiff_t)tile->count * round_up(job->E, OUTER_ROWS);
  pack_keys(tile->k, tile->kStep, tile->count, job->D, scratch->keys);
  pack_values(tile->v, tile->vStep, tile->count, job->E, scratch->values);
  tile->inPlace = 0;
  tile->finite = !check || all_finite(scratch->values, packed);
  if (!tile->finite) zero_nonfinite(scratch->values, packed);
  tile->keys = scratch->keys;
  tile->values = scratch->values;
}

static void few_run(Work *work, const Tile *tile) {
  const Scratch *scratch = &work->scratch;
  const FewScratch few = {scratch->keys, scratch->scores, scratch->terms, scratch->values, scratch->registers};
  few_tile(&work->rows, tile, work->slot, &few);
}

static void tile_run(Work *work, Tile *tile) {
  const Job *job = work->rows.job;
  tile_load(tile, job, work->rows.unit, work->scratch.copies);
  if (work->few) {
    few_run(work, tile);
    return;
  }
  const int check = tile->partial || job->scoreProgram;
  tile->inPlace = work->panels <= IN_PLACE_PANELS && tile_readable(tile, job);
  tile->finite = tile->inPlace && (!check || rows_finite(tile->v, tile->vStep, tile->count, job->E));
  if (!tile->finite) tile_pack(tile, job, check, &work->scratch);
  for (int p = 0; p < work->panels; p++) {
    tile->asking = tile->next * p / work->panels;
    tile->asked = tile->next * (p + 1) / work->panels;
    panel_tile_any(work->panel + p, &work->rows, tile, &work->scratch);
  }
}

// What to fetch while a tile is worked on: what follows it among its task's keys, or the first keys of the next task.
static void tile_expect(Tile *tile, const Task *task, const Task *next, int rest, int size) {
  if (tile->index) return;
  if (rest > tile->count) {
    const int after = rest - tile->count;
    tile->next = after < size ? after : size;
    tile->nextRow = tile->count;
  } else if (next && next->keyIndex < 0 && next->keyStride == 1 && task->keyStride == 1) {
    tile->next = next->keyCount < size ? next->keyCount : size;
    tile->nextRow = next->keyRow - (tile->first + tile->shift);
  }
}

// The keys of a task that lie in the unit's part and in the call's panel. Tiles start at the task's own keys in every
// unit, and streamed panels begin at multiples of TILE_KEYS from there, so that bits do not depend on streaming.
static void task_run(Work *work, const Task *task, const Task *next) {
  const Job *job = work->rows.job;
  const Unit *unit = work->rows.unit;
  const int lo = unit->keyLo > job->keyLo ? unit->keyLo : job->keyLo;
  const int hi = unit->keyHi < job->keyHi ? unit->keyHi : job->keyHi;
  const int size = work->few ? few_step(job->D, job->E) : tile_keys(job->D, job->E);
  const int partial = (task->flags & TASK_PARTIAL) != 0;
  if (partial) rows_bound(&work->rows, task->reach);
  Tile all = {.first = task->keyStart,
              .stride = task->keyStride,
              .count = task->keyCount,
              .index = task->keyIndex < 0 ? 0 : job->indices + task->keyIndex};
  const int end = tile_index(&all, hi);
  for (int j = tile_index(&all, lo); j < end; j += size) {
    Tile tile = {.first = tile_key(&all, j),
                 .stride = task->keyStride,
                 .count = end - j < size ? end - j : size,
                 .index = all.index ? all.index + j : 0,
                 .shift = task->keyRow - task->keyStart,
                 .partial = partial,
                 .masked = partial && (task->flags & TASK_MASKED) && job->maskProgram,
                 .operand = task->operand};
    tile_expect(&tile, task, next, end - j, size);
    tile_run(work, &tile);
  }
}

// Whether the keys of a task lie in the call's panel of keys, in part.
static int task_overlaps(const Job *job, const Task *task) {
  if (task->keyCount == 0) return 0;
  const int last = task->keyCount - 1;
  const int low = task->keyIndex < 0 ? task->keyStart : job->indices[task->keyIndex];
  const int high = task->keyIndex < 0 ? task->keyStart + last * task->keyStride : job->indices[task->keyIndex + last];
  return low < job->keyHi && high >= job->keyLo;
}

static void work_open(Work *work, Job *job, const Unit *unit, ptrdiff_t index, float *scratch) {
  scratch_open(&work->scratch, scratch, job->D, job->E, job->operands, scratch_needs(job));
  const Task *first = job->tasks + unit->firstTask;
  rows_open(&work->rows, job, unit, first, 0, first->rowCount);
  float *state = unit->parts > 1 ? job->slots + unit->slot * job->slotFloats
                 : job->states   ? job->states + index * job->stateFloats
                                 : work->scratch.state;
  work->few = work->rows.count <= FEW_ROWS;
  if (work->few) {
    work->slot = slot_at(state, work->rows.count);
    // Packed queries stand where wide units keep packed keys; they are made anew for every panel of keys.
    few_queries(&work->rows, work->scratch.keys);
    if (job->phase & JOB_BEGIN) slot_begin(work->slot, work->rows.count, job->E);
    return;
  }
  float *panels = job->states && unit->parts == 1 ? state : work->scratch.state;
  work->panels = panels_open(work->panel, panels, work->rows.count, job);
  if (job->phase & JOB_BEGIN)
    for (int p = 0; p < work->panels; p++) panel_begin(work->panel + p, &work->rows);
}

// The last part to arrive joins all parts and finishes the rows.
static void part_close(Work *work) {
  Job *job = (Job *)work->rows.job;
  const Unit *unit = work->rows.unit;
  float *first = job->slots + (ptrdiff_t)(unit->slot - unit->part) * job->slotFloats;
  if (!work->few)
    for (int p = 0; p < work->panels; p++)
      panel_keep(work->panel + p, job->E, slot_at(job->slots + unit->slot * job->slotFloats, work->rows.count));
  if (__atomic_add_fetch(job->joins + unit->join, 1, __ATOMIC_ACQ_REL) < unit->parts) return;
  slots_join(&work->rows, first, job->slotFloats, unit->parts);
  slot_finish(&work->rows, slot_at(first, work->rows.count));
}

// The keys of a task against some of a gathered unit's rows, whose running state is fetched and put back.
static void gathered_task(Work *work, const Task *task, const Task *next, int from, int positions) {
  const Job *job = work->rows.job;
  const Unit *unit = work->rows.unit;
  const int start = job->tasks[unit->firstTask].rowStart;
  rows_open(&work->rows, job, unit, task, from, positions);
  work->panels = panels_open(work->panel, work->scratch.panels, work->rows.count, job);
  for (int p = 0; p < work->panels; p++) {
    panel_queries(work->panel + p, &work->rows);
    panel_fetch(work->panel + p, &work->rows, start, work->slot);
  }
  task_run(work, task, next);
  for (int p = 0; p < work->panels; p++) panel_return(work->panel + p, &work->rows, start, work->slot);
}

static void gathered_finish(Work *work, const Task *all, int step) {
  const int heads = work->rows.unit->heads, E = work->rows.job->E;
  for (int from = 0; from < all->rowCount; from += step) {
    const int positions = all->rowCount - from < step ? all->rowCount - from : step;
    const ptrdiff_t row = (ptrdiff_t)from * heads;
    rows_open(&work->rows, work->rows.job, work->rows.unit, all, from, positions);
    slot_finish(&work->rows, (Slot){work->slot.max + row, work->slot.sum + row, work->slot.acc + row * E});
  }
}

static void gathered_run(Job *job, const Unit *unit, ptrdiff_t index, float *scratch) {
  Work work;
  const Task *all = job->tasks + unit->firstTask;
  const int count = all->rowCount * unit->heads, step = SACCADE_ROWS / unit->heads;
  scratch_open(&work.scratch, scratch, job->D, job->E, job->operands, scratch_needs(job));
  work.few = 0;
  work.rows.job = job;
  work.rows.unit = unit;
  work.slot = slot_at(job->states ? job->states + index * job->stateFloats : work.scratch.state, count);
  if (job->phase & JOB_BEGIN) slot_begin(work.slot, count, job->E);
  for (const Task *task = all + 1, *end = all + unit->taskCount; task < end; task++) {
    if (!task_overlaps(job, task)) continue;
    const Task *next = task + 1 < end ? task + 1 : 0;
    for (int from = 0; from < task->rowCount; from += step)
      gathered_task(&work, task, next, from, task->rowCount - from < step ? task->rowCount - from : step);
  }
  if (job->phase & JOB_END) gathered_finish(&work, all, step);
}

static void unit_run(Job *job, ptrdiff_t index, float *scratch) {
  const Unit *unit = job->units + index;
  if (job->scoring) {
    pairs_unit(job, unit, scratch);
    return;
  }
  if (job->gathered) {
    gathered_run(job, unit, index, scratch);
    return;
  }
  Work work;
  work_open(&work, job, unit, index, scratch);
  const Task *task = job->tasks + unit->firstTask;
  for (int t = 0; t < unit->taskCount; t++) task_run(&work, task + t, t + 1 < unit->taskCount ? task + t + 1 : 0);
  if (!(job->phase & JOB_END)) return;
  if (unit->parts > 1) part_close(&work);
  else if (work.few) slot_finish(&work.rows, work.slot);
  else
    for (int p = 0; p < work.panels; p++) panel_finish(work.panel + p, &work.rows);
}

static int32_t run(Job *job, int32_t thread, int32_t maxUnits) {
  float *scratch = job->scratch + thread * job->scratchFloats;
  for (int32_t done = 0; done < maxUnits; done++) {
    const int32_t index = __atomic_fetch_add(&job->next, 1, __ATOMIC_RELAXED);
    if (index >= job->unitCount) return 1;
    unit_run(job, index, scratch);
  }
  return 0;
}

static ptrdiff_t state_floats(int32_t rows, int32_t D, int32_t E, int32_t operands, int32_t needs) {
  const int outside = rows <= FEW_ROWS || (needs & SCRATCH_GATHERED);
  return cache_line(outside ? slot_size(rows, E) : unit_state_floats(rows, D, E, operands));
}

static ptrdiff_t slot_floats(int32_t rows, int32_t E) { return cache_line(slot_size(rows, E)); }

static ptrdiff_t scratch_floats(int32_t rows, int32_t D, int32_t E, int32_t operands, int32_t needs) {
  if (needs & SCRATCH_SCORES) return pairs_scratch_open(&(PairsScratch){0}, 0, rows, D);
  Scratch scratch;
  return cache_line(scratch_open(&scratch, 0, D, E, operands, needs) + state_floats(rows, D, E, operands, needs));
}

const Kernels JOIN(saccade_, SACCADE_ISA) = {SACCADE_STRING(SACCADE_ISA), run, state_floats, slot_floats, scratch_floats, rotate,
                                             recur_item, recur_scratch,
#ifdef __wasm__
                                             0
#else
                                             &product_kernels
#endif
};
