// The WebAssembly module: the kernels under their exported names, and the loop of a worker thread.
//
// Memory is imported. The heap begins at __heap_base; a thread that shares the memory must set __stack_pointer to the
// top of a stack of its own before it calls anything, since every instance starts with the same one.
#include "kernels.h"
#include "verify.h"

#define EXPORT(name) __attribute__((export_name(#name)))

// There is no libc. Bulk memory makes each of these one instruction.
void *memcpy(void *to, const void *from, size_t bytes) { return __builtin_memcpy(to, from, bytes); }
void *memmove(void *to, const void *from, size_t bytes) { return __builtin_memmove(to, from, bytes); }
void *memset(void *to, int byte, size_t bytes) { return __builtin_memset(to, byte, bytes); }

EXPORT(run) int32_t run(Job *job, int32_t thread, int32_t maxUnits) { return saccade_wasm.run(job, thread, maxUnits); }

EXPORT(stateFloats) int32_t state_floats(int32_t rows, int32_t D, int32_t E, int32_t operands, int32_t needs) {
  return saccade_wasm.stateFloats(rows, D, E, operands, needs);
}

EXPORT(slotFloats) int32_t slot_floats(int32_t rows, int32_t E) { return saccade_wasm.slotFloats(rows, E); }

EXPORT(scratchFloats) int32_t scratch_floats(int32_t rows, int32_t D, int32_t E, int32_t operands, int32_t needs) {
  return saccade_wasm.scratchFloats(rows, D, E, operands, needs);
}

EXPORT(recur) void recur(const Recurrence *recurrence, int32_t item, float *scratch) { saccade_wasm.recur(recurrence, item, scratch); }

EXPORT(recurScratchFloats) int32_t recur_scratch_floats(const Recurrence *recurrence) { return saccade_wasm.recurScratchFloats(recurrence); }

EXPORT(rotate) int32_t rotate(const Rotation *rotation) { return saccade_wasm.rotate(rotation); }

// 1 where a program may run; hosts ask before they run one that they did not compile themselves.
EXPORT(verifyProgram) int32_t verify_program(const Program *program, int32_t isScore) { return program_verify(program, isScore); }

// A host that is handed a compiled module learns from its exports which build it is.
#ifdef __wasm_relaxed_simd__
EXPORT(relaxedSimd) void relaxed_simd(void) {}
#endif

#ifdef __wasm_atomics__

// Words between the main thread and its workers. Each worker waits on a word of its own: with one word for all, a
// worker that a job did not need could wake late, and then join the next job twice.
typedef struct {
  int32_t job;     // address of the Job
  int32_t pending; // workers that have not finished it
  int32_t done;    // counts finished jobs; the last worker raises it and wakes whoever waits
  int32_t unused;
  struct {
    int32_t start; // raised by the main thread: take part in `job`
    int32_t end;   // the last start that this worker has finished
  } threads[];
} Control;

// Waits until `start` differs from `seen`, takes part in the job, and returns the new value of `start`.
EXPORT(serve) int32_t serve(Control *control, int32_t thread, int32_t seen) {
  int32_t *start = &control->threads[thread].start;
  int32_t now;
  while ((now = __atomic_load_n(start, __ATOMIC_SEQ_CST)) == seen) __builtin_wasm_memory_atomic_wait32(start, seen, -1);
  saccade_wasm.run((Job *)control->job, thread, INT32_MAX);
  __atomic_store_n(&control->threads[thread].end, now, __ATOMIC_SEQ_CST);
  if (__atomic_sub_fetch(&control->pending, 1, __ATOMIC_SEQ_CST) == 0) {
    __atomic_add_fetch(&control->done, 1, __ATOMIC_SEQ_CST);
    __builtin_wasm_memory_atomic_notify((int *)&control->done, INT32_MAX);
  }
  return now;
}

#endif
