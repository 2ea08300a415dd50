// Scratch is one block, and its parts follow each other at cache lines.
#ifndef SACCADE_SCRATCH_PARTS_H
#define SACCADE_SCRATCH_PARTS_H

#include "simd.h"
#include <stddef.h>

INLINE ptrdiff_t cache_line(ptrdiff_t floats) { return (floats + 15) / 16 * 16; }

// Floats of all parts; with a base, each part's pointer is set.
INLINE ptrdiff_t scratch_parts(float *base, int count, const ptrdiff_t *sizes, float **const *parts) {
  ptrdiff_t used = 0;
  for (int i = 0; i < count; i++) {
    *parts[i] = base ? base + used : 0;
    used += cache_line(sizes[i]);
  }
  return used;
}

#endif
