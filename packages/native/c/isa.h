// Which kernels this build holds, and which of them this machine can run.
#ifndef SACCADE_ISA_H
#define SACCADE_ISA_H

#include "kernels.h"

typedef struct {
  const char *name;
  const Kernels *kernels; // null when this build lacks them
  const char *missing;    // why they cannot run here, null when they can
} Isa;

enum { ISA_COUNT = 4 };

// The instruction sets of this processor family, best first; `plain` is always the last and always runs.
const Isa *isaTable(int *count);

#endif
