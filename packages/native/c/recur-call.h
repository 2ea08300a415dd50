// A recurrence, called from JavaScript.
#ifndef SACCADE_RECUR_CALL_H
#define SACCADE_RECUR_CALL_H

#include "call.h"

// In the order of `RecurArguments` in ../src/addon.ts.
enum {
  RECUR_NUMBERS,
  RECUR_LENGTHS,
  RECUR_Q, RECUR_K, RECUR_V, RECUR_OUT, RECUR_STATE, RECUR_DECAY, RECUR_BETA, RECUR_A, RECUR_B, RECUR_SUMS, RECUR_SUMS_AFTER,
  RECUR_ARG_COUNT,
  RECUR_CALLBACK = RECUR_ARG_COUNT
};

extern const CallKind recurCall;

#endif
