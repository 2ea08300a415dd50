// A tile's keys and values as rows of f32: where they lie, or widened and gathered into scratch.
#ifndef SACCADE_LOAD_H
#define SACCADE_LOAD_H

#include "tile.h"

static void rows_widen(const Tile *tile, Run run, int type, const float *factors, int width, float *to) {
  for (int j = 0; j < tile->count; j++) {
    const ptrdiff_t row = tile->index ? tile->index[j] : j;
    const float factor = factors ? factors[tile->index ? row : (ptrdiff_t)j * tile->stride] : 1.0f;
    row_widen(type, run.at + row * run.step, width, factor, to + (ptrdiff_t)j * width);
  }
}

// `copies` has room for the tile's keys [count][D] and values [count][E].
static void tile_load(Tile *tile, const Job *job, const Unit *unit, float *copies) {
  // An indexed tile's rows are counted from key 0.
  const ptrdiff_t first = (tile->index ? 0 : tile->first) + tile->shift - job->keyBase;
  const ptrdiff_t kBytes = stored_bytes(job->keyType), vBytes = stored_bytes(job->valueType);
  const int strideOfRun = tile->index ? 1 : tile->stride;
  tile->storedK.at = (const char *)job->k + (unit->batch * job->kB + unit->kvHead * job->kH + first * job->kN) * kBytes;
  tile->storedV.at = (const char *)job->v + (unit->batch * job->vB + unit->kvHead * job->vH + first * job->vN) * vBytes;
  tile->storedK.step = job->kN * strideOfRun * kBytes;
  tile->storedV.step = job->vN * strideOfRun * vBytes;
  tile->k = (const float *)tile->storedK.at;
  tile->v = (const float *)tile->storedV.at;
  tile->kStep = job->kN * tile->stride;
  tile->vStep = job->vN * tile->stride;
  if (tile->index || job->keyType != STORED_F32) {
    const float *factors =
        job->keyType == STORED_I8 ? job->kScale + unit->batch * job->kScaleB + unit->kvHead * job->kScaleH + first : 0;
    rows_widen(tile, tile->storedK, job->keyType, factors, job->D, copies);
    tile->k = copies;
    tile->kStep = job->D;
    copies += (ptrdiff_t)tile->count * job->D;
  }
  if (tile->index || job->valueType != STORED_F32) {
    const float *factors =
        job->valueType == STORED_I8 ? job->vScale + unit->batch * job->vScaleB + unit->kvHead * job->vScaleH + first : 0;
    rows_widen(tile, tile->storedV, job->valueType, factors, job->E, copies);
    tile->v = copies;
    tile->vStep = job->E;
  }
}

#endif
