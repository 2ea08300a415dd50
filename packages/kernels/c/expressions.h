// The mask and score expressions of a job, applied to the pairs of a panel or of a few rows against a tile.
//
//   scores   products, replaced by what the score program makes of them
//   terms    what is added to a pair: -Infinity where a mask, a bias or a score of -Infinity hides it
#ifndef SACCADE_EXPRESSIONS_H
#define SACCADE_EXPRESSIONS_H

#include "program.h"

// Whether pairs have terms: then `terms` is filled and every score is looked at.
INLINE int tile_termed(const Tile *tile, const Job *job) {
  return job->bias || job->mask || job->scoreProgram || tile->masked;
}

static void panel_program(const Panel *panel, const Rows *rows, const Tile *tile, Span span, const Program *program,
                          float *registers, float *scores, float *terms, int fresh) {
  const int width = panel->vectors * LANES, isScore = program == rows->job->scoreProgram;
  Chunk chunk = {.rows = rows,
                 .tile = tile,
                 .row = panel->first,
                 .rowsInLanes = 1,
                 .vectors = panel->vectors,
                 .stride = width};
  chunk_open(&chunk, program, registers);
  for (int j = span.from; j < span.to; j += CHUNK) {
    chunk.key = j;
    chunk.outer = span.to - j < CHUNK ? span.to - j : CHUNK;
    chunk.scores = scores + j * width;
    if (isScore) score_chunk(&chunk, program, registers, scores + j * width, terms + j * width, fresh);
    else mask_chunk(&chunk, program, registers, terms + j * width, fresh);
  }
}

static void panel_expressions(const Panel *panel, const Rows *rows, const Tile *tile, Span span, float *registers,
                              float *scores, float *terms) {
  const Job *job = rows->job;
  const int tensors = job->bias || job->mask;
  if (tensors) score_terms(panel, rows, tile, span, terms);
  if (job->scoreProgram) panel_program(panel, rows, tile, span, job->scoreProgram, registers, scores, terms, !tensors);
  if (tile->masked)
    panel_program(panel, rows, tile, span, job->maskProgram, registers, scores, terms, !tensors && !job->scoreProgram);
}

// [rows][stride], with the tile's keys along the lanes; a bias and a mask are not in these terms.
static void few_expressions(const Rows *rows, const Tile *tile, float *registers, float *scores, float *terms, int stride) {
  const Job *job = rows->job;
  Chunk chunk = {.rows = rows,
                 .tile = tile,
                 .outer = rows->count,
                 .vectors = (tile->count + LANES - 1) / LANES,
                 .scores = scores,
                 .stride = stride};
  if (job->scoreProgram) {
    chunk_open(&chunk, job->scoreProgram, registers);
    score_chunk(&chunk, job->scoreProgram, registers, scores, terms, 1);
  }
  if (tile->masked) {
    chunk_open(&chunk, job->maskProgram, registers);
    mask_chunk(&chunk, job->maskProgram, registers, terms, !job->scoreProgram);
  }
}

#endif
