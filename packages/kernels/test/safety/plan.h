// A random schedule for the query rows [from, to) of a problem, cut into units.
#ifndef SACCADE_TEST_PLAN_H
#define SACCADE_TEST_PLAN_H

#include "reference.h"

// A gathered plan has every task twice: by blocks, and in its unit's order.
enum { BLOCK_TASKS = 6000, MAX_TASKS = 2 * BLOCK_TASKS + 9, MAX_UNITS = 6000, MAX_LISTS = 9, MAX_BLOCKS = 2400, MAX_INDICES = 1 << 17, MAX_KEYS = 600 };

// Rows that share their tasks: positions start, start + stride, ..., or those listed from `rowIndex`.
typedef struct {
  int start, count, stride, rowIndex, firstTask, taskCount;
} Block;

typedef struct {
  Task tasks[MAX_TASKS];
  int gathered, firstGathered[10]; // of every list its unit's tasks, and the end
  Unit units[MAX_UNITS];
  Block blocks[MAX_BLOCKS];
  int32_t indices[MAX_INDICES];
  int taskCount, unitCount, blockCount, indexCount;
  int firstBlock[MAX_LISTS + 1]; // blocks of a list; list (b, g) is b * G + g, or 0 where all share one
  int shared;
  int rows, slots, joins;
} Plan;

static int plan_list(const Plan *plan, const Problem *p, int b, int g) { return plan->shared ? 0 : b * p->G + g; }

static int block_row(const Plan *plan, const Block *block, int i) {
  return block->rowIndex < 0 ? block->start + i * block->stride : plan->indices[block->rowIndex + i];
}
static int task_key(const Plan *plan, const Task *task, int j) {
  return task->keyIndex < 0 ? task->keyStart + j * task->keyStride : plan->indices[task->keyIndex + j];
}

// Whether every row of a block sees every key of a task by a reach, in all batch elements and heads that share list (b, g).
static int all_visible(const Plan *plan, const Problem *p, const Block *block, const Task *task, int list,
                       const Reach *reach) {
  const int byHead = p->biasTerm.given || p->maskTerm.given || (p->maskAlways && p->maskProgram.given);
  const int b = list / p->G, g = list % p->G, heads = plan->shared ? p->H : (g + 1) * p->group;
  for (int c = plan->shared ? 0 : b; c < (plan->shared ? p->B : b + 1); c++)
    for (int h = plan->shared ? 0 : g * p->group; h < (byHead ? heads : (plan->shared ? 0 : g * p->group) + 1); h++)
      for (int i = 0; i < block->count; i++)
        for (int j = 0; j < task->keyCount; j++)
          if (pair_visible(p, reach, p->maskAlways, c, h, block_row(plan, block, i), task_key(plan, task, j)) != 1) return 0;
  return 1;
}

static void task_add(Random *random, Plan *plan, const Problem *p, Block *block, int list, Task task) {
  if (plan->taskCount == BLOCK_TASKS) return;
  task.rowStart = block->start, task.rowCount = block->count, task.rowStride = block->stride;
  task.rowIndex = block->rowIndex;
  task.operand = random_int(random, 0, p->operands - 1);
  task.reach = random_int(random, 0, p->reachCount - 1);
  const int full = !random_once(random, 3) && all_visible(plan, p, block, &task, list, p->reaches + task.reach);
  if (p->maskAlways || random_once(random, 2)) task.flags |= TASK_MASKED;
  // Where every pair is visible, bounds are not looked at, whatever they are.
  if (full) task.reach = random_int(random, 0, p->reachCount - 1);
  else task.flags |= TASK_PARTIAL;
  plan->tasks[plan->taskCount++] = task;
  block->taskCount++;
}

// A task per run of rows that its keys lie in: two where a ring wraps around.
static void task_rows(Random *random, Plan *plan, const Problem *p, Block *block, int list, Task task) {
  int before = 0;
  while (before < task.keyCount && task_key(plan, &task, before) + p->ringStart < p->ringRows) before++;
  const int counts[2] = {p->ringRows ? before : task.keyCount, p->ringRows ? task.keyCount - before : 0};
  for (int half = 0, j = 0; half < 2; j += counts[half++]) {
    if (counts[half] == 0 && (half > 0 || task.keyCount > 0)) continue;
    Task some = task;
    const int key = task.keyCount ? task_key(plan, &task, j) : task.keyStart;
    some.keyCount = counts[half];
    if (task.keyIndex < 0) some.keyStart = key;
    else some.keyIndex = task.keyIndex + j, some.keyStart = random_int(random, 0, 50);
    some.keyRow = problem_row(p, key) - key + some.keyStart;
    task_add(random, plan, p, block, list, some);
  }
}

static void task_range(Random *random, Plan *plan, const Problem *p, Block *block, int list, int start, int count,
                       int stride) {
  const Task task = {.keyStart = start, .keyCount = count, .keyStride = stride, .keyIndex = -1};
  task_rows(random, plan, p, block, list, task);
}

// Lists of keys; some stand in none of them.
static void task_lists(Random *random, Plan *plan, const Problem *p, Block *block, int list) {
  const int count = random_int(random, 1, 3), left = random_int(random, 0, 2);
  uint8_t list_of[MAX_KEYS];
  for (int key = 0; key < p->M; key++) list_of[key] = (uint8_t)random_int(random, 0, count - 1 + left);
  for (int i = 0; i < count && plan->indexCount + p->M <= MAX_INDICES; i++) {
    const Task task = {.keyIndex = plan->indexCount, .keyStride = random_int(random, 1, 3)};
    Task listed = task;
    for (int key = 0; key < p->M; key++)
      if (list_of[key] == i) plan->indices[plan->indexCount++] = key, listed.keyCount++;
    task_rows(random, plan, p, block, list, listed);
  }
}

// Ranges, progressions with gaps, residue classes, lists, or nothing at all. No key stands in two tasks.
static void block_tasks(Random *random, Plan *plan, const Problem *p, Block *block, int list) {
  block->firstTask = plan->taskCount;
  const int kind = random_int(random, 0, 5);
  if (kind == 0) task_range(random, plan, p, block, list, 0, p->M, 1);
  if (kind == 1)
    for (int key = 0; key < p->M;) {
      const int left = p->M - key, count = random_int(random, 1, random_once(random, 2) ? left : left < 40 ? left : 40);
      task_range(random, plan, p, block, list, key, count, 1);
      key += count;
    }
  if (kind == 2)
    for (int key = random_int(random, 0, 5); key < p->M;) {
      const int stride = random_int(random, 1, 5), most = (p->M - key + stride - 1) / stride;
      const int count = random_int(random, 1, most);
      task_range(random, plan, p, block, list, key, count, stride);
      key += (count - 1) * stride + 1 + random_int(random, 0, 9);
    }
  if (kind == 3) {
    const int stride = random_int(random, 1, 4);
    for (int start = 0; start < stride && start < p->M; start++)
      task_range(random, plan, p, block, list, start, (p->M - start + stride - 1) / stride, stride);
  }
  if (kind >= 4) task_lists(random, plan, p, block, list);
  if (block->taskCount == 0) task_range(random, plan, p, block, list, 0, 0, 1);
  if (block->taskCount > 0) plan->tasks[plan->taskCount - 1].flags |= TASK_FINISH;
}

// Room for one more block and its tasks; null where the plan is full.
static Block *block_add(Plan *plan, const Problem *p, int count) {
  const int tasks = 2 * p->M + 8, indices = p->M + count;
  if (plan->blockCount == MAX_BLOCKS || plan->taskCount + tasks > BLOCK_TASKS) return 0;
  if (plan->indexCount + indices > MAX_INDICES) return 0;
  Block *block = plan->blocks + plan->blockCount++;
  *block = (Block){.count = count, .stride = 1, .rowIndex = -1};
  return block;
}

// Blocks of rows in any ascending order, until each of [from, to) stands in one.
static int list_indexed_blocks(Random *random, Plan *plan, const Problem *p, int list, int from, int to, int size) {
  int rest[2 * SACCADE_ROWS], count = to - from;
  for (int i = 0; i < count; i++) rest[i] = from + i;
  while (count > 0) {
    const int want = count < size ? count : size;
    Block *block = block_add(plan, p, want);
    if (!block) return 0;
    block->rowIndex = plan->indexCount;
    int kept = 0, taken = 0;
    for (int i = 0; i < count; i++) {
      const int takes = random_int(random, 1, count - i) <= want - taken;
      if (takes) plan->indices[plan->indexCount++] = rest[i], taken++;
      else rest[kept++] = rest[i];
    }
    count = kept;
    block_tasks(random, plan, p, block, list);
  }
  return 1;
}

static int list_strided_blocks(Random *random, Plan *plan, const Problem *p, int list, int from, int to, int size) {
  const int stride = random_once(random, 3) ? random_int(random, 2, 3) : 1;
  for (int residue = from; residue < from + stride; residue++)
    for (int start = residue; start < to;) {
      const int left = (to - start + stride - 1) / stride;
      Block *block = block_add(plan, p, left < size ? left : size);
      if (!block) return 0;
      block->start = start, block->stride = stride;
      block_tasks(random, plan, p, block, list);
      start += block->count * stride;
    }
  return 1;
}

// Blocks that hold each of the rows once. Returns 0 where the plan is full.
static int list_blocks(Random *random, Plan *plan, const Problem *p, int list, int from, int to, int most) {
  plan->firstBlock[list] = plan->blockCount;
  const int size = random_once(random, 2) ? most : random_int(random, 1, most);
  const int made = random_once(random, 4) ? list_indexed_blocks(random, plan, p, list, from, to, size)
                                          : list_strided_blocks(random, plan, p, list, from, to, size);
  plan->firstBlock[list + 1] = plan->blockCount;
  return made;
}

// The tasks of a list's blocks as those of one unit: first all of its rows, then the blocks' tasks in any order, as no row
// stands in two blocks.
static void list_gather(Random *random, Plan *plan, int list, int from, int to) {
  const Block *blocks = plan->blocks + plan->firstBlock[list];
  const int count = plan->firstBlock[list + 1] - plan->firstBlock[list];
  plan->firstGathered[list] = plan->taskCount;
  plan->tasks[plan->taskCount++] = (Task){
      .rowStart = from, .rowCount = to - from, .rowStride = 1, .keyStride = 1, .rowIndex = -1, .keyIndex = -1};
  const int first = plan->taskCount;
  for (int i = 0; i < count; i++)
    for (int t = 0; t < blocks[i].taskCount; t++) {
      plan->tasks[plan->taskCount] = plan->tasks[blocks[i].firstTask + t];
      plan->tasks[plan->taskCount++].flags &= ~TASK_FINISH;
    }
  for (int i = plan->taskCount - 1; i > first; i--) {
    const int j = random_int(random, first, i);
    const Task task = plan->tasks[i];
    plan->tasks[i] = plan->tasks[j], plan->tasks[j] = task;
  }
  plan->tasks[plan->taskCount - 1].flags |= TASK_FINISH;
  plan->firstGathered[list + 1] = plan->taskCount;
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
  plan->taskCount = plan->unitCount = plan->blockCount = plan->indexCount = plan->slots = plan->joins = plan->rows = 0;
  plan->shared = random_once(random, 2);
  const int stack = random_once(random, 2) ? p->group : random_int(random, 1, p->group);
  const int lists = plan->shared ? 1 : p->B * p->G;
  plan->gathered = random_once(random, 5);
  // Tasks of a gathered unit may have more rows than are worked on at a time.
  const int most = plan->gathered ? 2 * SACCADE_ROWS / stack : SACCADE_ROWS / stack;
  for (int list = 0; list < lists; list++)
    if (!list_blocks(random, plan, p, list, from, to, most)) return 0;
  for (int list = 0; plan->gathered && list < lists; list++) list_gather(random, plan, list, from, to);
  for (int b = 0; b < p->B; b++)
    for (int g = 0; g < p->G; g++)
      for (int head = 0; head < p->group; head += stack) {
        const int list = plan_list(plan, p, b, g);
        const int heads = p->group - head < stack ? p->group - head : stack;
        if (plan->gathered) {
          const int first = plan->firstGathered[list], count = plan->firstGathered[list + 1] - first;
          const Unit unit = {.batch = b, .head = g * p->group + head, .heads = heads, .kvHead = g, .firstTask = first, .taskCount = count};
          if ((to - from) * heads > plan->rows) plan->rows = (to - from) * heads;
          if (!block_units(random, plan, p, unit, 1)) return 0;
          continue;
        }
        for (int i = plan->firstBlock[list]; i < plan->firstBlock[list + 1]; i++) {
          const Block *block = plan->blocks + i;
          Unit unit = {.batch = b,
                       .head = g * p->group + head,
                       .heads = heads,
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

// The task of every key for the rows of a block, or null.
static void block_keys(const Plan *plan, const Block *block, const Task **tasks, int M) {
  for (int key = 0; key < M; key++) tasks[key] = 0;
  for (int t = block->firstTask; t < block->firstTask + block->taskCount; t++)
    for (int j = 0; j < plan->tasks[t].keyCount; j++) tasks[task_key(plan, plan->tasks + t, j)] = plan->tasks + t;
}

#endif
