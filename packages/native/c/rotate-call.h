// Rotary position embedding in the caller's arrays, called from JavaScript.
#ifndef SACCADE_ROTATE_CALL_H
#define SACCADE_ROTATE_CALL_H

#include <node_api.h>

#include "bounds.h"

// In the order of `RotateArguments` in ../src/addon.ts.
enum { ROTATE_NUMBERS, ROTATE_FROM, ROTATE_TO, ROTATE_COSINES, ROTATE_SINES, ROTATE_POSITIONS, ROTATE_ARG_COUNT };

// Checks the arguments against each other and rotates. 1, or 0 with a message; rows may have been written by then.
int rotateRun(napi_env env, const napi_value *arguments, Message *message);

#endif
