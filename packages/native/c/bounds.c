#include "bounds.h"

#include <stdarg.h>
#include <stdio.h>

static int fail(Message *message, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message->text, sizeof message->text, format, arguments);
  va_end(arguments);
  return 0;
}

static int inRange(const char *name, int64_t value, int64_t low, int64_t high, Message *message) {
  if (value >= low && value <= high) return 1;
  return fail(message, "%s is %lld, expected %lld..%lld", name, (long long)value, (long long)low, (long long)high);
}

int checkSizes(const Sizes *sizes, int64_t D, int64_t E, Message *message) {
  if (!inRange("B", sizes->B, 0, MAX_LENGTH, message) || !inRange("H", sizes->H, 0, MAX_LENGTH, message) ||
      !inRange("G", sizes->G, 0, MAX_LENGTH, message) || !inRange("N", sizes->N, 0, MAX_LENGTH, message) ||
      !inRange("M", sizes->M, 0, MAX_LENGTH, message) ||
      !inRange("keyRows", sizes->keyRows, 0, MAX_LENGTH, message) || !inRange("D", D, 1, MAX_WIDTH, message) ||
      !inRange("E", E, 1, MAX_WIDTH, message))
    return 0;
  return 1;
}

int checkExtent(const Extent *extent, const int64_t size[4], const ptrdiff_t stride[3], Message *message) {
  for (int i = 0; i < 4; i++)
    if (size[i] == 0) return 1; // nothing is read
  int64_t low = extent->offset, high = extent->offset;
  int overflow = __builtin_add_overflow(high, size[3] - 1, &high);
  for (int i = 0; i < 3; i++) {
    int64_t reach;
    overflow |= __builtin_mul_overflow((int64_t)stride[i], size[i] - 1, &reach);
    int64_t *end = reach < 0 ? &low : &high;
    overflow |= __builtin_add_overflow(*end, reach, end);
  }
  if (overflow || low < 0 || high >= extent->length)
    return fail(message, "%s reaches from element %lld to %lld, its array has %lld", extent->name, (long long)low,
                (long long)high, (long long)extent->length);
  return 1;
}

int checkPositions(const Job *job, const Sizes *sizes, Message *message) {
  for (int64_t b = 0; b < sizes->B; b++) {
    if (!inRange("queryOffset", job->queryOffset[b], -MAX_LENGTH, MAX_LENGTH, message)) return 0;
    if (!inRange("keyLength", job->keyLength[b], 0, sizes->M, message)) return 0;
  }
  return 1;
}

int checkReaches(const Job *job, int32_t count, Message *message) {
  for (int32_t i = 0; i < count; i++) {
    const Reach *reach = job->reaches + i;
    if (!inRange("ahead", reach->ahead, 0, INT32_MAX, message) || !inRange("back", reach->back, 0, INT32_MAX, message) ||
        !inRange("chunk", reach->chunk, 0, MAX_LENGTH, message) || !inRange("behind", reach->behind, 0, MAX_LENGTH, message) ||
        !inRange("shift", reach->shift, -MAX_LENGTH, MAX_LENGTH, message))
      return 0;
  }
  return 1;
}

// start + i * stride for i < count lies in [0, size).
static int checkAxis(const char *name, int32_t start, int32_t count, int32_t stride, int64_t size, Message *message) {
  if (start < 0 || count < 0 || stride < 1)
    return fail(message, "%s: start %d, count %d, stride %d", name, start, count, stride);
  if (count == 0) return 1;
  const int64_t last = start + (int64_t)(count - 1) * stride;
  if (last < size) return 1;
  return fail(message, "%s reach %lld, expected less than %lld", name, (long long)last, (long long)size);
}

// `count` ascending indices in [0, size) at `start` of the job's list of them.
static int checkIndices(const char *name, const Job *job, int32_t start, int32_t count, int64_t size, int32_t length,
                        Message *message) {
  if (count < 0 || start > length - count) return fail(message, "%s: indices %d + %d of %d", name, start, count, length);
  for (int32_t i = 0, before = -1; i < count; before = job->indices[start + i++])
    if (job->indices[start + i] <= before || job->indices[start + i] >= size)
      return fail(message, "%s: index %d after %d, expected ascending and less than %lld", name, job->indices[start + i],
                  before, (long long)size);
  return 1;
}

static int checkRows(const Job *job, const Task *task, const Sizes *sizes, const Lists *lists, Message *message) {
  if (task->rowCount < 1) return fail(message, "task: no rows");
  if (task->rowIndex >= 0)
    return checkIndices("task: rows", job, task->rowIndex, task->rowCount, sizes->N, lists->indices, message);
  return checkAxis("task: rows", task->rowStart, task->rowCount, task->rowStride, sizes->N, message);
}

static int checkKeys(const Job *job, const Task *task, const Sizes *sizes, const Lists *lists, Message *message) {
  if (!(task->keyIndex >= 0
            ? checkIndices("task: keys", job, task->keyIndex, task->keyCount, sizes->M, lists->indices, message)
            : checkAxis("task: keys", task->keyStart, task->keyCount, task->keyStride, sizes->M, message)))
    return 0;
  if (task->keyCount == 0) return 1;
  const int64_t shift = (int64_t)task->keyRow - task->keyStart;
  const int64_t first = task->keyIndex >= 0 ? job->indices[task->keyIndex] : task->keyStart;
  const int64_t last = task->keyIndex >= 0 ? job->indices[task->keyIndex + task->keyCount - 1]
                                           : task->keyStart + (int64_t)(task->keyCount - 1) * task->keyStride;
  if (first + shift >= 0 && last + shift < sizes->keyRows) return 1;
  return fail(message, "task: rows of keys %lld to %lld, expected within %lld", (long long)(first + shift),
              (long long)(last + shift), (long long)sizes->keyRows);
}

static int sameRows(const Task *task, const Task *first) {
  return task->rowStart == first->rowStart && task->rowCount == first->rowCount && task->rowStride == first->rowStride &&
         task->rowIndex == first->rowIndex;
}

// The rows of a gathered unit: one after the other, and no keys.
static int checkGathered(const Unit *unit, const Task *first, Message *message) {
  if (first->rowIndex >= 0 || first->rowStride != 1 || first->keyCount != 0 || unit->parts != 1)
    return fail(message, "the first task of a gathered unit does not name its rows");
  if ((int64_t)first->rowCount * unit->heads <= SACCADE_GATHERED_ROWS) return 1;
  return fail(message, "unit: %d positions x %d heads, expected at most %d rows", first->rowCount, unit->heads,
              SACCADE_GATHERED_ROWS);
}

// Rows of a task that stand among those of its gathered unit.
static int checkSubset(const Job *job, const Task *task, const Task *first, const Sizes *sizes, const Lists *lists,
                       Message *message) {
  if (!checkRows(job, task, sizes, lists, message)) return 0;
  const int64_t last = task->rowCount - 1;
  const int64_t low = task->rowIndex >= 0 ? job->indices[task->rowIndex] : task->rowStart;
  const int64_t high = task->rowIndex >= 0 ? job->indices[task->rowIndex + last] : task->rowStart + last * task->rowStride;
  if (low >= first->rowStart && high < (int64_t)first->rowStart + first->rowCount) return 1;
  return fail(message, "task: rows %lld to %lld are not those of its unit", (long long)low, (long long)high);
}

static int checkTask(const Job *job, const Task *task, const Task *first, const Sizes *sizes, const Lists *lists,
                     Message *message) {
  if (job->gathered ? !checkSubset(job, task, first, sizes, lists, message) : !sameRows(task, first))
    return job->gathered ? 0 : fail(message, "the tasks of a unit have different rows");
  if (task->operand < 0 || task->operand >= job->operands)
    return fail(message, "task: operand is %d, expected less than %d", task->operand, job->operands);
  if (task->reach < 0 || task->reach >= lists->reaches)
    return fail(message, "task: reach is %d, expected less than %d", task->reach, lists->reaches);
  if (task->flags & ~(TASK_PARTIAL | TASK_FINISH | TASK_MASKED))
    return fail(message, "task: unknown flags %d", task->flags);
  return checkKeys(job, task, sizes, lists, message);
}

static int checkTasks(const Job *job, const Unit *unit, const Sizes *sizes, const Lists *lists, Message *message) {
  if (unit->taskCount < 1 || unit->firstTask < 0 || unit->firstTask > lists->tasks - unit->taskCount)
    return fail(message, "unit: tasks %d + %d, expected within %d", unit->firstTask, unit->taskCount, lists->tasks);
  const Task *first = job->tasks + unit->firstTask;
  if (!checkRows(job, first, sizes, lists, message)) return 0;
  if (job->gathered && !checkGathered(unit, first, message)) return 0;
  for (int32_t i = 0; i < unit->taskCount; i++)
    if (!checkTask(job, first + i, first, sizes, lists, message)) return 0;
  if (!job->gathered && (int64_t)first->rowCount * unit->heads > SACCADE_ROWS)
    return fail(message, "unit: %d positions x %d heads, expected at most %d rows", first->rowCount, unit->heads,
                SACCADE_ROWS);
  return 1;
}

static int checkHeads(const Unit *unit, const Sizes *sizes, Message *message) {
  if (unit->batch < 0 || unit->batch >= sizes->B) return fail(message, "unit: batch element %d", unit->batch);
  if (unit->head < 0 || unit->heads < 1 || unit->heads > SACCADE_ROWS || unit->head > sizes->H - unit->heads)
    return fail(message, "unit: heads %d + %d", unit->head, unit->heads);
  if (unit->kvHead < 0 || unit->kvHead >= sizes->G) return fail(message, "unit: key head %d", unit->kvHead);
  return 1;
}

static int checkParts(const Unit *unit, const Sizes *sizes, int32_t limit, Message *message) {
  if (unit->keyLo < 0 || unit->keyHi < unit->keyLo || unit->keyHi > sizes->M)
    return fail(message, "unit: keys %d to %d", unit->keyLo, unit->keyHi);
  if (unit->parts == 1) return 1;
  if (unit->parts < 1 || unit->part < 0 || unit->part >= unit->parts)
    return fail(message, "unit: part %d of %d", unit->part, unit->parts);
  const int64_t firstSlot = (int64_t)unit->slot - unit->part;
  if (firstSlot < 0 || firstSlot + unit->parts > limit) return fail(message, "unit: slot %d", unit->slot);
  if (unit->join < 0 || unit->join >= limit) return fail(message, "unit: join %d", unit->join);
  return 1;
}

// A unit of scores names positions, and keys that it alone writes the scores of.
static int checkPairs(const Unit *unit, const Sizes *sizes, Message *message) {
  if (unit->firstTask < 0 || unit->taskCount < 1 || unit->firstTask > sizes->N - unit->taskCount)
    return fail(message, "unit: positions %d + %d, expected within %lld", unit->firstTask, unit->taskCount,
                (long long)sizes->N);
  if (unit->parts != 1) return fail(message, "unit: %d parts of scores, expected 1", unit->parts);
  if ((int64_t)unit->taskCount * unit->heads <= SACCADE_ROWS) return 1;
  return fail(message, "unit: %d positions x %d heads, expected at most %d rows", unit->taskCount, unit->heads, SACCADE_ROWS);
}

int checkUnits(const Job *job, const Sizes *sizes, const Lists *lists, Needs *needs, Message *message) {
  *needs = (Needs){1, 0, 0};
  for (int32_t u = 0; u < job->unitCount; u++) {
    const Unit *unit = job->units + u;
    if (!checkHeads(unit, sizes, message) ||
        !(job->scoring ? checkPairs(unit, sizes, message) : checkTasks(job, unit, sizes, lists, message)) ||
        !checkParts(unit, sizes, job->unitCount, message))
      return 0;
    const int32_t rows = (job->scoring ? unit->taskCount : job->tasks[unit->firstTask].rowCount) * unit->heads;
    if (rows > needs->rows) needs->rows = rows;
    if (unit->parts == 1) continue;
    const int32_t slots = unit->slot - unit->part + unit->parts;
    if (slots > needs->slots) needs->slots = slots;
    if (unit->join >= needs->joins) needs->joins = unit->join + 1;
  }
  return 1;
}
