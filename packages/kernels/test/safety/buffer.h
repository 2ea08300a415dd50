// Memory that ends where it says. Half of the buffers end at a page that must not be touched (a load of a whole vector
// past the end faults, whatever the compiler made of it), the others are exact heap blocks for AddressSanitizer. All of
// it starts as 0xff bytes, which are NaN as floats, so whatever is read before it was written shows in the results.
#ifndef SACCADE_TEST_BUFFER_H
#define SACCADE_TEST_BUFFER_H

#include "random.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct {
  unsigned char *data;
  size_t bytes;
  void *mapping; // null for a heap block
  size_t mapped;
} Buffer;

enum { BUFFERS = 64 };

// The buffers of one job, released together.
typedef struct {
  Buffer list[BUFFERS];
  int count;
} Buffers;

static void *out_of_memory(void) {
  fprintf(stderr, "out of memory\n");
  exit(2);
}

// Address space without memory: only what is touched becomes real. Null where the system refuses.
static Buffer buffer_sparse(size_t bytes) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
  unsigned char *at = mmap(0, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (at == MAP_FAILED) return (Buffer){0};
  if (mprotect(at + room, page, PROT_NONE)) exit(2);
  return (Buffer){.data = at + room - bytes, .bytes = bytes, .mapping = at, .mapped = room + page};
}

static Buffer buffer_open(Random *random, size_t bytes) {
  Buffer buffer;
  if (random_once(random, 2)) {
    buffer = buffer_sparse(bytes);
    if (!buffer.data) out_of_memory();
    memset(buffer.mapping, 0xff, buffer.mapped - (size_t)sysconf(_SC_PAGESIZE));
  } else {
    void *at = 0;
    if (posix_memalign(&at, 64, bytes)) out_of_memory();
    memset(at, 0xff, bytes);
    buffer = (Buffer){.data = at, .bytes = bytes};
  }
  return buffer;
}

static void *buffers_keep(Buffers *buffers, Buffer buffer) {
  if (buffers->count == BUFFERS) {
    fprintf(stderr, "too many buffers\n");
    exit(2);
  }
  buffers->list[buffers->count++] = buffer;
  return buffer.data;
}

static void *buffers_add(Buffers *buffers, Random *random, size_t bytes) {
  return buffers_keep(buffers, buffer_open(random, bytes));
}

static void buffers_close(Buffers *buffers) {
  for (int i = 0; i < buffers->count; i++) {
    Buffer *buffer = buffers->list + i;
    if (buffer->mapping) munmap(buffer->mapping, buffer->mapped);
    else free(buffer->data);
  }
  buffers->count = 0;
}

#endif
