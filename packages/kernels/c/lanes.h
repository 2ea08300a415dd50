// Vectors of LANES numbers by the compiler's own vector extension, for what is not worth a name per instruction set.
#ifndef SACCADE_LANES_H
#define SACCADE_LANES_H

#include "simd.h"

typedef float lanes_f32 __attribute__((vector_size(4 * LANES)));
typedef int32_t lanes_i32 __attribute__((vector_size(4 * LANES)));
typedef uint32_t lanes_u32 __attribute__((vector_size(4 * LANES)));

#endif
