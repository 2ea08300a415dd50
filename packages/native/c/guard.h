// Reading memory that may vanish while it is read.
//
// JavaScript can transfer an ArrayBuffer while an asynchronous call reads it, and its new owner can free it. Node-API
// has no way to pin a buffer: a reference keeps the object alive, not its memory. Freed memory that is still mapped
// reads as numbers that nobody will see, because the call is rejected when it ends; memory that was unmapped raises
// SIGSEGV. While a thread runs inside a guard, a fault inside the given ranges ends the guarded function and nothing
// else. Every other fault goes to the handler that was installed before.
#ifndef SACCADE_GUARD_H
#define SACCADE_GUARD_H

#include <stddef.h>

typedef struct {
  const void *data;
  size_t bytes;
} Range;

// Installs the handler, once for the process. 0 when that is impossible.
int guardInstall(void);

// 1 when `run(argument)` returned, 0 when it touched a range that is gone. `run` must hold no lock and own no memory.
int guardRun(const Range *ranges, int count, void (*run)(void *), void *argument);

#endif
