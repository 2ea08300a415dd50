// A 64-byte aligned block that grows on demand and is kept between calls.
#ifndef SACCADE_MEMORY_H
#define SACCADE_MEMORY_H

#include <stddef.h>

// Blocks above this size are given back after the call that needed them.
enum { BLOCK_KEPT_BYTES = 16 << 20 };

typedef struct {
  void *data;
  size_t bytes;
} Block;

// At least `bytes`, contents undefined; null when there is no memory (the block is then empty).
void *blockNeed(Block *block, size_t bytes);
void blockTrim(Block *block);
void blockFree(Block *block);

// All of it is about to be written. A fresh array has no memory yet, and a page of 4 KiB for every thousand results costs more than
// the window of a thousand keys behind them saves: large pages are asked for.
void memoryIsWritten(void *data, size_t bytes);

// Bytes of all blocks of the process now.
size_t blockTotal(void);

#endif
