import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AttentionShape, Positions } from "../shape.ts";
import { bandSchedule, stackedHeads } from "./band-schedule.ts";
import type { Reach } from "./reach.ts";
import { BLOCK_ROWS, FINISH, PARTIAL, TASK_INTS, type Schedule } from "./schedule.ts";

const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 20_000 : 300;

interface Case {
  shape: AttentionShape;
  reach: Reach & Positions;
  pairTerms: boolean;
}

const cases: fc.Arbitrary<Case> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    kvHeads: fc.integer({ min: 1, max: 3 }),
    group: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 150, max: 500 })),
    queries: fc.integer({ min: 1, max: 420 }),
    keys: fc.integer({ min: 0, max: 700 }),
    ahead: fc.oneof(fc.constant(Infinity), fc.constant(0), fc.integer({ min: 0, max: 300 })),
    back: fc.oneof(fc.constant(Infinity), fc.integer({ min: 0, max: 300 })),
    pairTerms: fc.boolean(),
    seed: fc.array(fc.tuple(fc.integer({ min: -800, max: 800 }), fc.nat()), { minLength: 3, maxLength: 3 }),
  })
  .map(({ batch, kvHeads, group, queries, keys, ahead, back, pairTerms, seed }) => ({
    shape: { batch, heads: kvHeads * group, kvHeads, queries, keys, headDim: 8, valueDim: 8 },
    reach: {
      queryOffset: Int32Array.from({ length: batch }, (_, b) => seed[b]![0]),
      keyLength: Int32Array.from({ length: batch }, (_, b) => seed[b]![1] % (keys + 1)),
      ahead,
      back,
    },
    pairTerms,
  }));

function visible({ reach }: Case, b: number, i: number, j: number): boolean {
  const position = i + reach.queryOffset[b]!;
  return j >= position - reach.back && j <= position + reach.ahead && j < reach.keyLength[b]!;
}

/** Every task of every list, with the batch element that it is for. */
function* tasksOf(schedule: Schedule, { shape }: Case) {
  for (let b = 0; b < shape.batch; b++) {
    const { tasks, blocks } = schedule.lists[schedule.listOf[b * shape.kvHeads]!]!;
    for (let block = 0; block + 1 < blocks.length; block++) {
      for (let t = blocks[block]!; t < blocks[block + 1]!; t++) {
        const [row, rows, rowStride, key, keys, keyStride, operand, flags] = tasks.subarray(t * TASK_INTS);
        if (rowStride !== 1 || keyStride !== 1 || operand !== 0) expect.fail(`task ${t}: strides or operand`);
        yield {
          b,
          block,
          last: t + 1 === blocks[block + 1],
          row: row!,
          rows: rows!,
          key: key!,
          keys: keys!,
          flags: flags!,
        };
      }
    }
  }
}

describe("a band schedule", () => {
  test("covers every visible pair exactly once and no pair twice", () => {
    fc.assert(
      fc.property(cases, (c) => {
        const { batch, queries, keys, heads } = c.shape;
        const schedule = bandSchedule(c.shape, c.reach, c.reach, c.pairTerms);
        const covered = new Uint8Array(batch * queries * keys);
        for (const task of tasksOf(schedule, c)) {
          for (let i = task.row; i < task.row + task.rows; i++) {
            for (let j = task.key; j < task.key + task.keys; j++) covered[(task.b * queries + i) * keys + j]!++;
          }
        }
        let visited = 0;
        for (let b = 0; b < batch; b++) {
          for (let i = 0; i < queries; i++) {
            for (let j = 0; j < keys; j++) {
              const times = covered[(b * queries + i) * keys + j]!;
              visited += times;
              if (times > 1 || (times === 0 && visible(c, b, i, j))) expect.fail(`pair ${b} ${i} ${j}: ${times} times`);
            }
          }
        }
        expect(schedule.visitedPairs).toBe(visited * heads);
      }),
      { numRuns },
    );
  });

  test("has no invisible pair in a full task, and with pair terms no full task at all", () => {
    fc.assert(
      fc.property(cases, (c) => {
        for (const task of tasksOf(bandSchedule(c.shape, c.reach, c.reach, c.pairTerms), c)) {
          if (task.flags & PARTIAL || task.keys === 0) continue;
          const last = task.key + task.keys - 1;
          let seen = !c.pairTerms;
          for (let i = task.row; i < task.row + task.rows; i++) {
            seen &&= visible(c, task.b, i, task.key) && visible(c, task.b, i, last);
          }
          expect(seen).toBe(true);
        }
      }),
      { numRuns },
    );
  });

  test("finishes every row once, in ascending order of keys, with at most three tasks a block", () => {
    fc.assert(
      fc.property(cases, (c) => {
        const schedule = bandSchedule(c.shape, c.reach, c.reach, c.pairTerms);
        const finished = new Uint8Array(c.shape.batch * c.shape.queries);
        let previous = { b: -1, block: -1, end: 0, count: 0 };
        for (const { b, block, last, row, rows, key, keys, flags } of tasksOf(schedule, c)) {
          const same = previous.b === b && previous.block === block;
          expect(row).toBe(block * schedule.blockPositions);
          expect((flags & FINISH) !== 0).toBe(last);
          if (same) expect(key).toBe(previous.end);
          previous = { b, block, end: key + keys, count: same ? previous.count + 1 : 1 };
          expect(previous.count).toBeLessThanOrEqual(3);
          if (last) for (let i = row; i < row + rows; i++) finished[b * c.shape.queries + i]!++;
        }
        expect(finished.every((times) => times === 1)).toBe(true);
      }),
      { numRuns },
    );
  });

  test("keeps a block's stacked rows within what a unit holds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 4 }), (group, kvHeads) => {
        const stack = stackedHeads(group * kvHeads, kvHeads);
        expect(stack).toBeLessThanOrEqual(BLOCK_ROWS);
        expect(stack * Math.ceil(group / stack)).toBeGreaterThanOrEqual(group);
      }),
    );
  });

  test("is shared by heads, and by batch elements with the same offset and length", () => {
    const shape = { batch: 4, heads: 8, kvHeads: 2, queries: 300, keys: 500, headDim: 8, valueDim: 8 };
    const reach = { ahead: 0, back: Infinity };
    const lengths = Int32Array.of(500, 400, 500, 400);
    const offsets = Int32Array.of(200, 100, 200, 0);
    const { lists, listOf } = bandSchedule(shape, { queryOffset: offsets, keyLength: lengths }, reach, false);
    expect(lists.length).toBe(3);
    expect([...listOf]).toEqual([0, 0, 1, 1, 0, 0, 2, 2]);
  });

  test("gives rows without keys one finishing task that is empty", () => {
    const shape = { batch: 1, heads: 1, kvHeads: 1, queries: 3, keys: 9, headDim: 8, valueDim: 8 };
    const reach = { queryOffset: Int32Array.of(-5), keyLength: Int32Array.of(9), ahead: 0, back: Infinity };
    const { lists, visitedPairs } = bandSchedule(shape, reach, reach, false);
    expect([...lists[0]!.tasks]).toEqual([0, 3, 1, 0, 0, 1, 0, FINISH, 0, -1, -1, 0]);
    expect(visitedPairs).toBe(0);
  });

  test("of a million causal tokens has two tasks a block", () => {
    const queries = 2 ** 20;
    const shape = { batch: 1, heads: 8, kvHeads: 8, queries, keys: queries, headDim: 64, valueDim: 64 };
    const reach = { queryOffset: Int32Array.of(0), keyLength: Int32Array.of(queries), ahead: 0, back: Infinity };
    const { lists } = bandSchedule(shape, reach, reach, false);
    expect(lists[0]!.tasks.length / TASK_INTS).toBeLessThanOrEqual(2 * Math.ceil(queries / BLOCK_ROWS));
  });
});
