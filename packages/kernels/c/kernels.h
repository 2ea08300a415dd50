// The kernels of one instruction set. attend.c is compiled once for each, with -DSACCADE_ISA=<name>.
#ifndef SACCADE_KERNELS_H
#define SACCADE_KERNELS_H

#include "job.h"
#include "product.h"
#include "recurrence.h"
#include "rotation.h"

// What scratch must have room for: a bias or a mask; mask or score programs; stored types other than f32, or indices;
// the rows of a task beside those of its unit; nothing but what a job of scores needs.
enum { SCRATCH_TERMS = 1, SCRATCH_PROGRAMS = 2, SCRATCH_COPIES = 4, SCRATCH_GATHERED = 8, SCRATCH_SCORES = 16 };

// What the kernels use of a job's scratch: hosts must ask for as much. Stored and gathered rows are copied as f32.
static inline int scratch_needs(const Job *job) {
  if (job->scoring) return SCRATCH_SCORES;
  const int copies = job->keyType != STORED_F32 || job->valueType != STORED_F32 || job->indices;
  return (job->bias || job->mask ? SCRATCH_TERMS : 0) | (job->maskProgram || job->scoreProgram ? SCRATCH_PROGRAMS : 0) |
         (copies ? SCRATCH_COPIES : 0) | (job->gathered ? SCRATCH_GATHERED : 0);
}

typedef struct {
  const char *name;
  // Takes units from job->next until none is left (returns 1) or maxUnits are done (returns 0).
  // `thread` picks the scratch; any number of threads may run the same job at once.
  int32_t (*run)(Job *job, int32_t thread, int32_t maxUnits);
  // Floats of a unit's running state (streamed waves), of a slot (split units), and of one thread's scratch.
  // `needs` says what the job has. Buffers must be 64-byte aligned.
  ptrdiff_t (*stateFloats)(int32_t rows, int32_t D, int32_t E, int32_t operands, int32_t needs);
  ptrdiff_t (*slotFloats)(int32_t rows, int32_t E);
  ptrdiff_t (*scratchFloats)(int32_t rows, int32_t D, int32_t E, int32_t operands, int32_t needs);
  // Turns every row by the angles of its position. Stops and returns 0 at a position that the tables do not hold, else 1.
  int32_t (*rotate)(const Rotation *rotation);
  // Runs one item of a recurrence, recur_items in all, in scratch of so many floats.
  void (*recur)(const Recurrence *recurrence, int32_t item, float *scratch);
  ptrdiff_t (*recurScratchFloats)(const Recurrence *recurrence);
  // Matrix products. WebAssembly has none of its own: there they are jobs of scores, and nothing more is downloaded.
  const ProductKernels *product;
} Kernels;

extern const Kernels saccade_wasm, saccade_avx2, saccade_avx512, saccade_neon, saccade_plain;

#endif
