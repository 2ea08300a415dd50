// A tile of keys and values: the part of a task that is packed at once and then met by every panel of rows.
#ifndef SACCADE_TILE_H
#define SACCADE_TILE_H

#include "rows.h"
#include "stored.h"

enum { TILE_KEYS = 128 };

// Wide heads take fewer keys, so that keys and values of a tile stay in half of a 512 kB second-level cache.
// So do instruction sets without a fused multiply-add: a tile's sums round at every step, and shorter ones lose less. Of
// narrow heads the scores are nearly exact, and the sum over keys is all the error there is.
INLINE int tile_keys(int D, int E) { return D + E > 384 || D < 16 || !FUSED ? TILE_KEYS / 2 : TILE_KEYS; }

// Rows of a tensor in memory, `step` bytes apart.
typedef struct {
  const char *at;
  ptrdiff_t step;
} Run;

typedef struct {
  int first, stride, count;   // keys first + j * stride, or index[j], j < count
  const int32_t *index;
  int shift;                  // key j lies in row j + shift of the caller's tensors
  int next;                   // keys of the tile that follows, to be fetched while this one is worked on,
  ptrdiff_t nextRow;          // and how many rows after this tile's first it begins
  int asking, asked;          // the part of them [asking, asked) that a panel asks for
  int partial, masked;        // bounds, mask or bias decide pair by pair; the mask program too
  int operand;                // which of the queries
  int finite;                 // no NaN or Infinity among the values
  int inPlace;                // the microkernel reads `k` and `v`, and nothing is packed
  Run storedK, storedV;       // as the caller stores them; for indexed tiles, row `shift`
  const float *k, *v;         // as f32
  ptrdiff_t kStep, vStep;     // floats from one key to the next
  const float *keys, *values; // packed
} Tile;

INLINE int tile_key(const Tile *tile, int j) { return tile->index ? tile->index[j] : tile->first + j * tile->stride; }

// Asks for rows [from, to) of the next tile. Packing reads every key once per unit, from far away: without this, a tenth
// of the time was spent waiting there.
INLINE void tile_prefetch(const Tile *tile, const Job *job, int from, int to) {
  if (from >= to) return;
  enum { LINE = 64 };
  const int kBytes = job->D * stored_bytes(job->keyType), vBytes = job->E * stored_bytes(job->valueType);
  for (int j = from; j < to; j++) {
    const char *k = tile->storedK.at + (tile->nextRow + j) * tile->storedK.step;
    const char *v = tile->storedV.at + (tile->nextRow + j) * tile->storedV.step;
    for (int i = 0; i < kBytes; i += LINE) __builtin_prefetch(k + i, 0, 2);
    for (int i = 0; i < vBytes; i += LINE) __builtin_prefetch(v + i, 0, 2);
  }
}

// Pairs hidden by their position, which only partial tiles look at, by a bias of -Infinity, or by the mask.
INLINE int tile_hidden(const Tile *tile, const Rows *rows, int r, int j) {
  const int key = tile_key(tile, j), column = key - rows->job->keyBase;
  if (tile->partial && (key < rows->lo[r] || key >= rows->hi[r])) return 1;
  if (rows->job->mask && !rows_mask(rows, r)[column]) return 1;
  return rows->job->bias && rows_bias(rows, r)[column] == -__builtin_inff();
}

// The first j whose key is >= key.
INLINE int tile_index(const Tile *tile, int key) {
  if (tile->index) {
    int low = 0, high = tile->count;
    while (low < high) {
      const int middle = (low + high) / 2;
      if (tile->index[middle] < key) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  if (key <= tile->first) return 0;
  const int64_t j = ((int64_t)key - tile->first + tile->stride - 1) / tile->stride;
  return j > tile->count ? tile->count : (int)j;
}

#endif
