// One call from JavaScript: what it passed, checked, and what the pool needs to run it.
#ifndef SACCADE_CALL_H
#define SACCADE_CALL_H

#include <node_api.h>

#include "arguments.h"
#include "kernels.h"
#include "memory.h"
#include "pool.h"

// Arguments of a call, in this order; an asynchronous one has its callback after them.
enum {
  ARG_NUMBERS, // Float64Array, see NUM_*
  ARG_UNITS,   // Int32Array of Unit
  ARG_TASKS,   // Int32Array of Task
  ARG_QUERY_OFFSET, // Int32Array [B]
  ARG_KEY_LENGTH,   // Int32Array [B]
  ARG_INDICES,      // Int32Array
  ARG_REACHES,      // Int32Array of Reach
  ARG_PROGRAMS,     // Int32Array, see programs.h; or empty
  ARG_Q, ARG_K, ARG_V, ARG_OUT, // Float32Array; k and v also Uint16Array or Int8Array
  ARG_LSE,     // Float32Array or undefined, and so are the next
  ARG_BIAS,
  ARG_MASK,    // Uint8Array or undefined
  ARG_SINKS,
  ARG_TURNED,  // the queries of operands 1 to 3
  ARG_KEY_SCALE = ARG_TURNED + SACCADE_OPERANDS - 1,
  ARG_VALUE_SCALE,
  ARG_COUNT,
  ARG_CALLBACK = ARG_COUNT
};

// Offsets and strides are in elements.
enum {
  NUM_ISA, NUM_THREADS,
  NUM_B, NUM_H, NUM_G, NUM_N, NUM_M, NUM_D, NUM_E,
  NUM_SCALE, NUM_SOFTCAP, NUM_KEY_ROWS, NUM_KEY_TYPE, NUM_VALUE_TYPE, NUM_GATHERED, NUM_SCORING,
  NUM_Q, // offset, strides of B, H, N; so for all of the next
  NUM_K = NUM_Q + 4, NUM_V = NUM_K + 4, NUM_OUT = NUM_V + 4,
  NUM_LSE = NUM_OUT + 4, NUM_BIAS = NUM_LSE + 4, NUM_MASK = NUM_BIAS + 4, NUM_SINKS = NUM_MASK + 4,
  NUM_TURNED = NUM_SINKS + 4, // offsets alone: strides are those of q
  NUM_KEY_SCALE = NUM_TURNED + SACCADE_OPERANDS - 1, NUM_VALUE_SCALE = NUM_KEY_SCALE + 4,
  NUM_COUNT = NUM_VALUE_SCALE + 4
};

enum { ARRAYS = ARG_COUNT - ARG_Q };

typedef struct Call Call;
struct Call {
  PoolCall pool; // the first member: a PoolCall is a Call
  const Kernels *kernels;
  Job job;               // of attention; scratch is filled in for every unit
  Recurrence recurrence; // or this
  Product product;       // or this
  Array arrays[ARRAYS];
  Block lists; // copies of units, tasks, positions, indices, programs; then the tables of programs
  Program programs[2]; // mask and score
  Block slots; // results of parts and their arrival counters
};

// A kind of call: what reads and checks its arguments (0 with a message when it cannot run), and where among these the call's
// arrays begin, how many there are, and where the callback of an asynchronous call stands.
typedef struct {
  int (*read)(napi_env env, const napi_value *arguments, Call *call, Message *message);
  int firstArray, arrays, callback;
} CallKind;

extern const CallKind attendCall;

// Arrays that can go away while the call runs.
void callRanges(Call *call);

// Whether an array is still the memory that it was.
int callArrayIntact(napi_env env, napi_value value, const Array *array);

void callFree(Call *call);

#endif
