// One name for every instruction set. SACCADE_ISA is avx2, avx512, neon, wasm or plain.
//
//   vf   LANES floats        vm   a mask over them        vi   LANES 32-bit integers        v4   4 floats
//
// vf_max(a, b) and vf_min(a, b) give b when either is NaN. A panel holds up to PANEL_VECTORS * LANES query rows;
// the microkernel multiplies OUTER_ROWS keys (or value columns) with it at a time. FUSED: vf_fma rounds once.
// IN_PLACE: whether the microkernel may read that operand at variable strides.
// vf_select_bits(m, a, b) takes a where m has all bits set, b where it has none. vm_all: whether every lane is set.
// vf_sum_each gives the sums over the lanes of four vectors. vf_swap exchanges the lanes of each pair; vf_twice reads LANES / 2 floats and gives each in both lanes of a pair.
#ifndef SACCADE_SIMD_H
#define SACCADE_SIMD_H

#include <stdint.h>

#define SACCADE_STRING_(x) #x
#define SACCADE_STRING(x) SACCADE_STRING_(x)
#define SACCADE_HEADER_(isa) SACCADE_STRING(simd/isa.h)
#define SACCADE_HEADER(isa) SACCADE_HEADER_(isa)
#include SACCADE_HEADER(SACCADE_ISA)

// What must be one piece of code when it is optimized; tests that are not, and compile in seconds, define it away.
#ifndef INLINE
#define INLINE static inline __attribute__((always_inline))
#endif

#endif
