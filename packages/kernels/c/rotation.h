// What rotary position embedding reads and writes. Strides are in elements, the innermost axis is contiguous.
#ifndef SACCADE_ROTATION_H
#define SACCADE_ROTATION_H

#include <stddef.h>
#include <stdint.h>

// The first R numbers of each row of D are R / 2 pairs, which turn by the angles of the row's position; the rest stays.
// Pair i is (x[i], x[i + R / 2]), or (x[2i], x[2i + 1]) where `interleaved`.
typedef struct {
  const float *from;        // [B, H, N, D]
  float *to;                // [B, H, N, D]: `from` with the same strides, or nothing that `from` names
  const float *cosines;     // [rows, R / 2]
  const float *sines;       // [rows, R / 2]
  const int32_t *positions; // token n of element b stands at positions[b * positionB + n]; null: at offset + n
  ptrdiff_t fromB, fromH, fromN, toB, toH, toN, positionB;
  int32_t B, H, N, D, R;
  int32_t rows;             // positions that the tables hold
  int32_t offset;
  int32_t interleaved;
} Rotation;

#endif
