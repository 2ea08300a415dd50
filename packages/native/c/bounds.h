// Whether everything that a job can reach lies inside the arrays it was given. No input may make a kernel read or
// write elsewhere, so every size, stride, task and unit is checked here, on copies that JavaScript cannot change.
#ifndef SACCADE_BOUNDS_H
#define SACCADE_BOUNDS_H

#include <stddef.h>
#include <stdint.h>

#include "job.h"

// Sizes that the job itself does not hold, with the letters of job.h.
typedef struct {
  int64_t B, H, G, N, M;
  int64_t keyRows; // rows of k and v: M, or fewer where a cache keeps some of the keys
} Sizes;

// Lengths of the lists that tasks name by index.
typedef struct {
  int32_t tasks, indices, reaches;
} Lists;

// One array: its length and the element that the job's pointer names.
typedef struct {
  const char *name;
  int64_t length, offset;
} Extent;

// What the units of a job need.
typedef struct {
  int32_t rows;  // of the largest unit
  int32_t slots; // of split units
  int32_t joins;
} Needs;

enum { MESSAGE_BYTES = 192, MAX_LENGTH = 1 << 30, MAX_WIDTH = 1 << 16 };

typedef struct {
  char text[MESSAGE_BYTES];
} Message;

// Each returns 1, or 0 with a message.
int checkSizes(const Sizes *sizes, int64_t D, int64_t E, Message *message);
// An array of [outer0, outer1, outer2, inner] with strides in elements for the first three.
int checkExtent(const Extent *extent, const int64_t size[4], const ptrdiff_t stride[3], Message *message);
int checkPositions(const Job *job, const Sizes *sizes, Message *message);
int checkReaches(const Job *job, int32_t count, Message *message);
// Split units take at most `unitCount` slots and joins, so that these stay in proportion to the list.
int checkUnits(const Job *job, const Sizes *sizes, const Lists *lists, Needs *needs, Message *message);

#endif
