// The mask and score expressions of a job, applied to the pairs of a panel or of a few rows against a tile.
//
//   scores   products, replaced by what the score program makes of them
//   terms    what is added to a pair: -Infinity where a mask, a bias or a score of -Infinity hides it
#ifndef SACCADE_EXPRESSIONS_H
#define SACCADE_EXPRESSIONS_H

#include "program.h"

INLINE PairVectors vectors_of(Register from) { return (PairVectors){from.at, from.outer, from.vector}; }

// The programs of a panel against a tile: the score's, and the mask's where it decides.
typedef struct {
  const Program *score, *mask;
  Chunk scored, shown;
  float *registers; // of the score program, then of the mask program
} Programs;

static void programs_open(Programs *programs, const Panel *panel, const Rows *rows, const Tile *tile, float *registers) {
  const Chunk chunk = {.rows = rows,
                       .tile = tile,
                       .row = panel->first,
                       .rowsInLanes = 1,
                       .vectors = panel->vectors,
                       .stride = panel->vectors * LANES};
  programs->score = rows->job->scoreProgram;
  programs->mask = tile->masked ? rows->job->maskProgram : 0;
  programs->scored = programs->shown = chunk;
  programs->registers = registers;
  if (programs->score) chunk_open(&programs->scored, programs->score, registers);
  if (programs->mask) chunk_open(&programs->shown, programs->mask, registers + PROGRAM_FLOATS);
}

// What the programs make of the keys [from, to) of a chunk.
static void programs_run(Programs *programs, const float *scores, int from, int to, ScoreRules *rules) {
  Chunk *scored = &programs->scored, *shown = &programs->shown;
  scored->key = shown->key = from;
  scored->outer = shown->outer = to - from;
  scored->scores = shown->scores = scores + from * scored->stride;
  if (programs->score) {
    rules->scores = vectors_of(chunk_run(scored, programs->score, programs->registers));
    rules->raw = 0;
  }
  if (programs->mask) rules->shown = vectors_of(chunk_run(shown, programs->mask, programs->registers + PROGRAM_FLOATS));
}

// A score of -Infinity hides the pair, whatever made it: where values are not finite, that has to be remembered.
static void panel_hidden(const Panel *panel, Span span, const float *scores, float *terms) {
  const int width = panel->vectors * LANES;
  const vf hidden = vf_set(-__builtin_inff());
  for (int i = span.from * width; i < span.to * width; i += LANES)
    vf_store(terms + i, vf_select(vf_equal(vf_load(scores + i), hidden), hidden, vf_set(0.0f)));
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
    score_chunk(&chunk, job->scoreProgram, registers, scores, terms);
  }
  if (tile->masked) {
    chunk_open(&chunk, job->maskProgram, registers);
    mask_chunk(&chunk, job->maskProgram, registers, terms, !job->scoreProgram);
  }
}

#endif
