// The mask and the score program of a call, as JavaScript packs them into one Int32Array:
//
//   | 0..3 ends | 4 result | 5 tables |   of the mask program, then the same six of the score program; no code: not given
//   | code of the mask program | of the score program | lengths of all tables | their numbers, one after the other |
#ifndef SACCADE_PROGRAMS_H
#define SACCADE_PROGRAMS_H

#include "bounds.h"

// Bytes that programsRead needs for its tables.
size_t programsTableBytes(const int32_t *words, size_t length);

// Sets both programs, which point into `words` and `tables`, and the job's pointers to them. 0 with a message when one of
// them must not run.
int programsRead(const int32_t *words, size_t length, Table *tables, Program programs[2], Job *job, Message *message);

#endif
