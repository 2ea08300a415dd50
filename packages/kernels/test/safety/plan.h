// A random schedule for the query rows [from, to) of a problem, cut into units.
#ifndef SACCADE_TEST_PLAN_H
#define SACCADE_TEST_PLAN_H

#include "problem.h"

enum { MAX_TASKS = 6000, MAX_UNITS = 6000, MAX_LISTS = 9, MAX_BLOCKS = 2400 };

// Rows that share their tasks: positions start, start + stride, ...
typedef struct {
  int start, count, stride, firstTask, taskCount;
} Block;

typedef struct {
  Task tasks[MAX_TASKS];
  Unit units[MAX_UNITS];
  Block blocks[MAX_BLOCKS];
  int taskCount, unitCount, blockCount;
  int firstBlock[MAX_LISTS + 1]; // blocks of a list; list (b, g) is b * G + g, or 0 where all share one
  int shared;
  int rows, slots, joins;
} Plan;

static int plan_list(const Plan *plan, const Problem *p, int b, int g) { return plan->shared ? 0 : b * p->G + g; }

// Whether every row of a block sees every key of a task, in all batch elements that share the list.
static int all_visible(const Problem *p, const Block *block, const Task *task, int b, int shared) {
  if (p->biasTerm.given || p->maskTerm.given) return 0;
  for (int c = shared ? 0 : b; c < (shared ? p->B : b + 1); c++)
    for (int i = 0; i < block->count; i++)
      for (int j = 0; j < task->keyCount; j++)
        if (!within_reach(p, c, block->start + i * block->stride, task->keyStart + j * task->keyStride)) return 0;
  return 1;
}

static void task_add(Random *random, Plan *plan, const Problem *p, Block *block, int b, int start, int count, int stride) {
  if (plan->taskCount == MAX_TASKS) return;
  Task task = {.rowStart = block->start,
               .rowCount = block->count,
               .rowStride = block->stride,
               .keyStart = start,
               .keyCount = count,
               .keyStride = stride,
               .keyRow = start,
               .rowIndex = -1,
               .keyIndex = -1};
  if (random_once(random, 3) || !all_visible(p, block, &task, b, plan->shared)) task.flags = TASK_PARTIAL;
  plan->tasks[plan->taskCount++] = task;
  block->taskCount++;
}

// Ranges, progressions with gaps, residue classes, or nothing at all. No key stands in two tasks.
static void block_tasks(Random *random, Plan *plan, const Problem *p, Block *block, int b) {
  block->firstTask = plan->taskCount;
  const int kind = random_int(random, 0, 3);
  if (kind == 0) task_add(random, plan, p, block, b, 0, p->M, 1);
  if (kind == 1)
    for (int key = 0; key < p->M;) {
      const int left = p->M - key, count = random_int(random, 1, random_once(random, 2) ? left : left < 40 ? left : 40);
      task_add(random, plan, p, block, b, key, count, 1);
      key += count;
    }
  if (kind == 2)
    for (int key = random_int(random, 0, 5); key < p->M;) {
      const int stride = random_int(random, 1, 5), most = (p->M - key + stride - 1) / stride;
      const int count = random_int(random, 1, most);
      task_add(random, plan, p, block, b, key, count, stride);
      key += (count - 1) * stride + 1 + random_int(random, 0, 9);
    }
  if (kind == 3) {
    const int stride = random_int(random, 1, 4);
    for (int start = 0; start < stride && start < p->M; start++)
      task_add(random, plan, p, block, b, start, (p->M - start + stride - 1) / stride, stride);
  }
  if (block->taskCount == 0) task_add(random, plan, p, block, b, 0, 0, 1);
  if (block->taskCount > 0) plan->tasks[plan->taskCount - 1].flags |= TASK_FINISH;
}

// Blocks that hold each of the rows once. Returns 0 where the plan is full.
static int list_blocks(Random *random, Plan *plan, const Problem *p, int list, int from, int to, int most) {
  plan->firstBlock[list] = plan->blockCount;
  const int stride = random_once(random, 3) ? random_int(random, 2, 3) : 1;
  const int size = random_once(random, 2) ? most : random_int(random, 1, most);
  for (int residue = from; residue < from + stride; residue++)
    for (int start = residue; start < to;) {
      const int left = (to - start + stride - 1) / stride;
      if (plan->blockCount == MAX_BLOCKS || plan->taskCount + p->M + 8 > MAX_TASKS) return 0;
      Block *block = plan->blocks + plan->blockCount++;
      *block = (Block){.start = start, .count = left < size ? left : size, .stride = stride};
      block_tasks(random, plan, p, block, list / p->G);
      start += block->count * stride;
    }
  plan->firstBlock[list + 1] = plan->blockCount;
  return 1;
}

static int block_units(Random *random, Plan *plan, const Problem *p, Unit unit, int mostParts) {
  const int parts = random_int(random, 1, mostParts);
  if (plan->unitCount + parts > MAX_UNITS) return 0;
  for (int part = 0, lo = 0; part < parts; part++) {
    const int hi = part == parts - 1 ? p->M : random_int(random, lo, p->M);
    unit.keyLo = lo, unit.keyHi = hi, unit.part = part, unit.parts = parts;
    unit.slot = parts > 1 ? plan->slots + part : 0, unit.join = plan->joins;
    plan->units[plan->unitCount++] = unit;
    lo = hi;
  }
  if (parts > 1) plan->slots += parts, plan->joins++;
  return 1;
}

// Any order must do: parts too may arrive in any.
static void units_shuffle(Random *random, Plan *plan) {
  for (int i = plan->unitCount - 1; i > 0; i--) {
    const int j = random_int(random, 0, i);
    const Unit unit = plan->units[i];
    plan->units[i] = plan->units[j], plan->units[j] = unit;
  }
}

static int plan_random(Random *random, Plan *plan, const Problem *p, int from, int to, int mostParts) {
  plan->taskCount = plan->unitCount = plan->blockCount = plan->slots = plan->joins = plan->rows = 0;
  plan->shared = random_once(random, 2);
  const int stack = random_once(random, 2) ? p->group : random_int(random, 1, p->group);
  const int lists = plan->shared ? 1 : p->B * p->G;
  for (int list = 0; list < lists; list++)
    if (!list_blocks(random, plan, p, list, from, to, SACCADE_ROWS / stack)) return 0;
  for (int b = 0; b < p->B; b++)
    for (int g = 0; g < p->G; g++)
      for (int head = 0; head < p->group; head += stack) {
        const int list = plan_list(plan, p, b, g);
        for (int i = plan->firstBlock[list]; i < plan->firstBlock[list + 1]; i++) {
          const Block *block = plan->blocks + i;
          Unit unit = {.batch = b,
                       .head = g * p->group + head,
                       .heads = p->group - head < stack ? p->group - head : stack,
                       .kvHead = g,
                       .firstTask = block->firstTask,
                       .taskCount = block->taskCount};
          if (block->count * unit.heads > plan->rows) plan->rows = block->count * unit.heads;
          if (!block_units(random, plan, p, unit, mostParts)) return 0;
        }
      }
  units_shuffle(random, plan);
  return 1;
}

// covered[key] for the rows of a block.
static void block_covered(const Plan *plan, const Block *block, uint8_t *covered, int M) {
  for (int key = 0; key < M; key++) covered[key] = 0;
  for (int t = block->firstTask; t < block->firstTask + block->taskCount; t++)
    for (int j = 0; j < plan->tasks[t].keyCount; j++)
      covered[plan->tasks[t].keyStart + j * plan->tasks[t].keyStride] = 1;
}

#endif
