// The interface between a host (WebAssembly glue or the Node addon) and the kernels.
//
// A Job is one call, or one wave of a streamed call. It names tensors by pointer and element strides, the tasks of
// a schedule, and the units of work that threads take from `next`. Letters: B batch, H query heads, G key heads,
// N queries, M keys, D query/key width, E value width.
#ifndef SACCADE_JOB_H
#define SACCADE_JOB_H

#include <stddef.h>
#include <stdint.h>

// Query rows (positions x stacked heads) that one unit may hold. Keys and values are packed once per unit, so few rows
// cost time: 192 instead of 576 took 6% on Zen 3.
enum { SACCADE_ROWS = 576 };

// Rows that one gathered unit may hold: a thread's state has room for them all.
enum { SACCADE_GATHERED_ROWS = 1 << 20 };

// Operands that a schedule may choose from for the queries of a task: the same queries, turned in different ways.
enum { SACCADE_OPERANDS = 4 };

// Which keys a query sees by position, where pos = query index + queryOffset:
//
//   pos - back <= key <= pos + ahead       INT32_MAX when unlimited
//   start(pos) - behind <= key             with chunk > 0, start(pos) = floor((pos + shift) / chunk) chunk - shift
typedef struct {
  int32_t ahead, back;
  int32_t chunk, shift, behind;
} Reach;

enum { TASK_PARTIAL = 1, TASK_FINISH = 2, TASK_MASKED = 4 };

// Rows rowStart + i * rowStride (query indices) against keys keyStart + j * keyStride (key indices), or against
// the ascending lists of them at indices[rowIndex] and indices[keyIndex], where these are not negative.
//
//   TASK_PARTIAL  bounds, mask and non-finite values are looked at pair by pair; without it every pair is visible
//   TASK_MASKED   with TASK_PARTIAL: the job's mask program decides as well
//   TASK_FINISH   the last task of its rows
//
// The tasks of a unit have the same rows. In a gathered job the first task of a unit has no keys and names all of its
// rows, rowStart + i for i < rowCount, and every other task names those of them that meet its keys:
//
//               keys ->
//   rows      0 | # . # .     a row's running state stands still while tasks pass that do not name it
//   of the    1 | # # . .
//   unit      2 | . . # #
typedef struct {
  int32_t rowStart, rowCount, rowStride;
  int32_t keyStart, keyCount, keyStride;
  int32_t operand;   // queries q[operand]
  int32_t flags;
  int32_t keyRow;    // key j lies in row j - keyStart + keyRow of k and v
  int32_t rowIndex, keyIndex;
  int32_t reach;     // of reaches: the bounds of a partial task
} Task;

// What one thread does at a time: all tasks of one block of rows for `heads` stacked query heads of one key head,
// or one of `parts` disjoint key ranges [keyLo, keyHi) of it, which the last part to arrive joins by log-sum-exp.
//
//   row r of a unit = query position r / heads of the block, query head `head + r % heads`
//
// With parts > 1: this part's result is kept in slot `slot`, the parts of a unit are at slot - part .. + parts - 1,
// and `join` is the index of their arrival counter. A split unit sees all its keys in one call (JOB_BEGIN | JOB_END):
// its running state is a thread's own until it is kept.
typedef struct {
  int32_t batch, head, heads, kvHead;
  int32_t firstTask, taskCount;
  int32_t keyLo, keyHi;
  int32_t part, parts, slot, join;
} Unit;

// JOB_BEGIN packs queries and empties the state; JOB_END finishes the rows. A unit that sees all its keys at once has
// both; a streamed wave has BEGIN on its first panel of keys and END on its last, and keeps its state in `states`.
enum { JOB_BEGIN = 1, JOB_END = 2 };

// How keys and values are stored. STORED_I8 rows have a factor each.
enum { STORED_F32, STORED_F16, STORED_BF16, STORED_I8 };

// A mask or score expression as instructions; program.h says what they mean.
typedef struct {
  const void *data; // int32_t or float
  int32_t length;
} Table;

typedef struct {
  const int32_t *code;
  const Table *tables;
  int32_t ends[4]; // instructions up to the ends of the sections: uniform, row, key, pair
  int32_t result;  // register
  int32_t tableCount;
} Program;

// A job of scores writes them out instead of attending: [B, H, N, M] each, or [B, G, N, M] reduced over the query heads of a
// key head's group, which are then the heads of a unit.
//
//   SCORES_SUM   sum_h scale q . k            SCORES_MASS   sum_h exp(scale q . k - lse)
//   SCORES_MAX   max_h scale q . k            SCORES_RELU   sum_h lse max(0, scale q . k)
//
// Its units name no tasks but positions: firstTask is the first one and taskCount how many. Of the tensors only q[0], k (as f32),
// out and lse (read, where the formula has it) are looked at.
enum { SCORES_NONE, SCORES_EACH, SCORES_SUM, SCORES_MAX, SCORES_MASS, SCORES_RELU };

// Strides are in elements, the innermost axis is contiguous. A null pointer means "not given".
typedef struct {
  const float *q[SACCADE_OPERANDS];
  const void *k, *v;          // numbers of keyType and valueType
  const float *kScale, *vScale; // [B, G, row] factor of every int8 row
  float *out;                 // [B, H, N, E] with its own strides; every row of every unit is written
  float *lse;                 // [B, H, N] contiguous in N (stride lseB, lseH), natural logarithm
  const float *bias;          // added to the score after softcap; -Infinity masks
  const uint8_t *mask;        // 0 hides
  const float *learnedSinks;  // one logit per query head (stride sinkB per batch element)
  const int32_t *queryOffset; // [B] position of query 0
  const int32_t *keyLength;   // [B]
  const Task *tasks;
  const Unit *units;
  const int32_t *indices;
  const Reach *reaches;
  const Program *maskProgram, *scoreProgram;
  float *states;              // streamed waves: unit u keeps its state at states + u * stateFloats
  float *slots;               // split units: slot s at slots + s * slotFloats
  int32_t *joins;             // split units: arrival counters, zero at the start
  float *scratch;             // thread t works in scratch + t * scratchFloats
  ptrdiff_t qB, qH, qN, kB, kH, kN, vB, vH, vN, outB, outH, outN;
  ptrdiff_t lseB, lseH, biasB, biasH, biasN, maskB, maskH, maskN, sinkB;
  ptrdiff_t kScaleB, kScaleH, vScaleB, vScaleH;
  ptrdiff_t stateFloats, slotFloats, scratchFloats;
  int32_t D, E, operands;
  int32_t keyType, valueType; // STORED_*
  int32_t rowBase;            // query index of the first row behind q, out, lse, bias and mask
  int32_t keyBase;            // key index of the first row behind k and v, and of the first column of bias and mask
  int32_t keyLo, keyHi;       // only keys in [keyLo, keyHi) are processed in this call
  int32_t phase;              // JOB_BEGIN | JOB_END
  int32_t gathered;           // tasks name rows among those of their unit
  int32_t scoring;            // SCORES_*
  int32_t unitCount;
  float scale, softcap;       // softcap 0: none
  int32_t next;               // atomic: the next unit to take
} Job;

#endif
