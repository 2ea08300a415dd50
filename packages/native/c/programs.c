#include "programs.h"

#include <stdio.h>

#include "verify.h"

enum { HEADER = 6, CODE = 5 };

static int fail(Message *message, const char *what) {
  snprintf(message->text, sizeof message->text, "programs: %s", what);
  return 0;
}

size_t programsTableBytes(const int32_t *words, size_t length) {
  if (length < 2 * HEADER) return 0;
  const int32_t mask = words[5], score = words[HEADER + 5];
  if (mask < 0 || score < 0 || (size_t)mask + (size_t)score > length) return 0;
  return ((size_t)mask + (size_t)score) * sizeof(Table);
}

// The lengths of the tables stand before their numbers.
static int readTables(const int32_t *words, size_t length, size_t at, size_t count, Table *tables) {
  if (count > length - at) return 0;
  size_t data = at + count;
  for (size_t i = 0; i < count; i++) {
    const int32_t size = words[at + i];
    if (size < 1 || (size_t)size > length - data) return 0;
    tables[i] = (Table){words + data, size};
    data += (size_t)size;
  }
  return data == length;
}

int programsRead(const int32_t *words, size_t length, Table *tables, Program programs[2], Job *job, Message *message) {
  job->maskProgram = job->scoreProgram = 0;
  if (length == 0) return 1;
  if (length < 2 * HEADER) return fail(message, "are cut off");
  size_t at = 2 * HEADER, tableCount = 0;
  for (int p = 0; p < 2; p++) {
    const int32_t *header = words + p * HEADER;
    Program *program = programs + p;
    *program = (Program){.code = words + at, .tables = tables + tableCount, .result = header[4], .tableCount = header[5]};
    for (int i = 0; i < 4; i++) program->ends[i] = header[i];
    if (header[3] < 0 || header[5] < 0 || (size_t)header[3] > (length - at) / CODE) return fail(message, "are cut off");
    at += CODE * (size_t)header[3];
    tableCount += (size_t)header[5];
  }
  if (!readTables(words, length, at, tableCount, tables)) return fail(message, "have impossible tables");
  for (int p = 0; p < 2; p++) {
    if (programs[p].ends[3] == 0) continue;
    if (!program_verify(programs + p, p)) return fail(message, p ? "the score is not valid" : "the mask is not valid");
    *(p ? &job->scoreProgram : &job->maskProgram) = programs + p;
  }
  return 1;
}
