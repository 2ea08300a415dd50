// A tile of keys and values: the part of a task that is packed at once and then met by every panel of rows.
#ifndef SACCADE_TILE_H
#define SACCADE_TILE_H

#include "rows.h"

enum { TILE_KEYS = 128 };

// Wide heads take fewer keys, so that keys and values of a tile stay in half of a 512 kB second-level cache.
// So do instruction sets without a fused multiply-add: a tile's sums round at every step, and shorter ones lose less. Of
// narrow heads the scores are nearly exact, and the sum over keys is all the error there is.
INLINE int tile_keys(int D, int E) { return D + E > 384 || D < 16 || !FUSED ? TILE_KEYS / 2 : TILE_KEYS; }

typedef struct {
  int first, stride, count; // keys first + j * stride, j < count
  int next;                 // keys of the tile that follows, to be fetched while this one is worked on
  int partial;              // bounds, mask or bias decide pair by pair
  int finite;               // no NaN or Infinity among the values
  const float *k, *v;       // row `first` of the caller's tensors; the next one is stride * kN further
  const float *keys, *values; // packed
} Tile;

INLINE int tile_key(const Tile *tile, int j) { return tile->first + j * tile->stride; }

// Asks for rows [from, to) of the next tile. Packing reads every key once per unit, from far away: without this, a tenth
// of the time was spent waiting there.
INLINE void tile_prefetch(const Tile *tile, const Job *job, int from, int to) {
  enum { LINE = 16 };
  for (int j = from; j < to; j++) {
    const float *k = tile->k + (ptrdiff_t)(tile->count + j) * tile->stride * job->kN;
    const float *v = tile->v + (ptrdiff_t)(tile->count + j) * tile->stride * job->vN;
    for (int d = 0; d < job->D; d += LINE) __builtin_prefetch(k + d, 0, 2);
    for (int e = 0; e < job->E; e += LINE) __builtin_prefetch(v + e, 0, 2);
  }
}

// Pairs hidden by a bias of -Infinity or by the mask.
INLINE int tile_hidden(const Tile *tile, const Rows *rows, int r, int j) {
  const int key = tile_key(tile, j), column = key - rows->job->keyBase;
  if (key < rows->lo[r] || key >= rows->hi[r]) return 1;
  if (rows->job->mask && !rows_mask(rows, r)[column]) return 1;
  return rows->job->bias && rows_bias(rows, r)[column] == -__builtin_inff();
}

// The first j whose key is >= key.
INLINE int tile_index(const Tile *tile, int key) {
  if (key <= tile->first) return 0;
  const int64_t j = ((int64_t)key - tile->first + tile->stride - 1) / tile->stride;
  return j > tile->count ? tile->count : (int)j;
}

#endif
