#define _DEFAULT_SOURCE
#include "memory.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

static atomic_size_t total;

void blockFree(Block *block) {
  free(block->data);
  atomic_fetch_sub(&total, block->bytes);
  *block = (Block){0, 0};
}

void *blockNeed(Block *block, size_t bytes) {
  if (bytes <= block->bytes && block->data) return block->data;
  blockFree(block);
  if (bytes > (size_t)-1 - 63) return 0;
  const size_t rounded = bytes == 0 ? 64 : (bytes + 63) & ~(size_t)63;
  if (posix_memalign(&block->data, 64, rounded) != 0) {
    block->data = 0;
    return 0;
  }
  block->bytes = rounded;
  atomic_fetch_add(&total, rounded);
  return block->data;
}

void blockTrim(Block *block) {
  if (block->bytes > BLOCK_KEPT_BYTES) blockFree(block);
}

size_t blockTotal(void) { return atomic_load(&total); }

void memoryIsWritten(void *data, size_t bytes) {
#ifdef __linux__
  const uintptr_t page = 2 << 20, from = ((uintptr_t)data + page - 1) & ~(page - 1), to = ((uintptr_t)data + bytes) & ~(page - 1);
  if (to > from) madvise((void *)from, to - from, MADV_HUGEPAGE);
#else
  (void)data, (void)bytes;
#endif
}
