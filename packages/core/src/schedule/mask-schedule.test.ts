import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mask, type Mask } from "../expression/expression.ts";
import { randomMasks } from "../expression/random-expression.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import { maskSchedule } from "./mask-schedule.ts";
import { BLOCK_ROWS, FINISH, MASKED, PARTIAL, type Schedule, stacksPerGroup, TASK_INTS } from "./schedule.ts";

const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 1000 : 150;

interface Case {
  readonly shape: AttentionShape;
  readonly at: Positions;
  readonly visible: Mask;
  readonly pairTerms: boolean;
}

const documents = Int32Array.from({ length: 900 }, (_, i) => Math.floor((i * i) / 60_000));
const unsorted = Uint8Array.from({ length: 800 }, (_, i) => (i * 7) % 5);
const windows = Int32Array.of(3, 200, 40, 1, 90, 17);
const masks = fc.oneof(
  fc.constantFrom(
    mask`q >= k`,
    mask`q >= k && (q - k < 100 || k < 4)`,
    mask`q >= k && q - k < ${windows}[h]`,
    mask`${documents}[q] == ${documents}[k] && q >= k`,
    mask`${documents}[q] == ${documents}[k]`,
    mask`floor(q / 100) == floor(k / 100)`,
    mask`(q - k) % 3 == 0 && q - k < 300`,
    mask`k < 150 || k > 400`,
    mask`${unsorted}[q] == ${unsorted}[k]`,
    mask`(q * 7919 + k * 104729) % 64 < 3`,
    mask`b == 1 ? q >= k : abs(q - k) < 50`,
    mask`h < 2 ? k < 60 : q - k < 30 && k <= q + 30`,
    mask`false`,
    mask`k % 256 < 128`,
  ),
  randomMasks.map(({ texts, values }) => mask(texts, ...values)),
);

const cases: fc.Arbitrary<Case> = fc
  .record({
    batch: fc.integer({ min: 1, max: 2 }),
    kvHeads: fc.integer({ min: 1, max: 2 }),
    group: fc.oneof(fc.integer({ min: 1, max: 4 }), fc.constantFrom(600)),
    queries: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 420 })),
    keys: fc.integer({ min: 0, max: 700 }),
    visible: masks,
    pairTerms: fc.boolean(),
    seed: fc.array(fc.tuple(fc.integer({ min: -300, max: 500 }), fc.nat()), { minLength: 2, maxLength: 2 }),
  })
  .map(({ batch, kvHeads, group, queries, keys, visible, pairTerms, seed }) => {
    const small = group === 600 ? Math.min(queries, 5) : queries;
    return {
      shape: { batch, heads: kvHeads * group, kvHeads, queries: small, keys, headDim: 8, valueDim: 8 },
      at: {
        queryOffset: Int32Array.from({ length: batch }, (_, b) => seed[b]![0]),
        keyLength: Int32Array.from({ length: batch }, (_, b) => seed[b]![1] % (keys + 1)),
      },
      visible,
      pairTerms,
    };
  });

interface TaskView {
  readonly b: number;
  readonly h0: number;
  readonly heads: number;
  readonly block: number;
  readonly last: boolean;
  readonly row: number;
  readonly rows: number;
  readonly key: number;
  readonly keys: number;
  readonly flags: number;
}

/** Every task, for every stack of heads that it is for. */
function* tasksOf({ lists, listOf, stack, blockPositions }: Schedule, { heads, kvHeads }: AttentionShape) {
  const group = heads / kvHeads;
  const stacks = stacksPerGroup(heads, kvHeads, stack);
  for (const [index, list] of listOf.entries()) {
    const head = Math.floor(index / stacks);
    const first = (index % stacks) * stack;
    const { tasks, blocks } = lists[list]!;
    for (let block = 0; block + 1 < blocks.length; block++) {
      for (let t = blocks[block]!; t < blocks[block + 1]!; t++) {
        const [row, rows, rowStride, key, keys, keyStride, operand, flags, ...others] = tasks.subarray(
          t * TASK_INTS,
          (t + 1) * TASK_INTS,
        );
        expect([row, rowStride, keyStride, operand, ...others]).toEqual([
          block * blockPositions,
          1,
          1,
          0,
          key,
          -1,
          -1,
          0,
        ]);
        yield {
          b: Math.floor(head / kvHeads),
          h0: (head % kvHeads) * group + first,
          heads: Math.min(stack, group - first),
          block,
          last: t + 1 === blocks[block + 1],
          row: row!,
          rows: rows!,
          key: key!,
          keys: keys!,
          flags: flags!,
        } satisfies TaskView;
      }
    }
  }
}

/** Whether a task shows a pair: what its flags leave open is looked at. */
function shows({ reaches, masked }: Schedule, flags: number, q: number, k: number, b: number, h: number): boolean {
  if ((flags & PARTIAL) === 0) return true;
  const { ahead, back } = reaches[0]!;
  if (k > q + ahead || k < q - back) return false;
  return (flags & MASKED) === 0 || masked === undefined || masked.at({ q, k, b, h });
}

describe("the schedule of a mask", () => {
  test("shows what the mask shows, once, in ascending order of keys", () => {
    fc.assert(
      fc.property(cases, ({ shape, at, visible, pairTerms }) => {
        const schedule = maskSchedule(shape, at, visible, pairTerms);
        const { batch, heads, queries, keys } = shape;
        const some = [...new Set([0, heads >> 1, heads - 1])];
        const shown = new Map(some.map((h) => [h, new Uint8Array(batch * queries * keys)]));
        const finished = new Uint16Array(batch * heads * queries);
        let end = 0;
        let visited = 0;
        for (const task of tasksOf(schedule, shape)) {
          const { b, h0, row, rows, key, flags, last } = task;
          if (pairTerms && task.keys > 0 && !(flags & PARTIAL)) expect.fail("a full task beside pair terms");
          if (key < end) expect.fail(`a task begins at key ${key}, the one before it ends at ${end}`);
          end = last ? 0 : key + task.keys;
          expect((flags & FINISH) !== 0).toBe(last);
          visited += task.heads * rows * task.keys;
          for (let h = h0; h < h0 + task.heads; h++) {
            for (let i = row; last && i < row + rows; i++) finished[(b * heads + h) * queries + i]!++;
            const counts = shown.get(h);
            if (counts === undefined) continue;
            for (let i = row; i < row + rows; i++) {
              for (let k = key; k < key + task.keys; k++) {
                if (shows(schedule, flags, i + at.queryOffset[b]!, k, b, h)) counts[(b * queries + i) * keys + k]!++;
              }
            }
          }
        }
        expect(visited).toBe(schedule.visitedPairs);
        expect(finished.every((times) => times === 1)).toBe(true);
        for (const [h, counts] of shown) {
          for (let b = 0; b < batch; b++) {
            for (let i = 0; i < queries; i++) {
              for (let k = 0; k < keys; k++) {
                const q = i + at.queryOffset[b]!;
                const expected = k < at.keyLength[b]! && visible.at({ q, k, b, h }) ? 1 : 0;
                const times = counts[(b * queries + i) * keys + k]!;
                if (times !== expected)
                  expect.fail(`pair ${b} ${h} ${q} ${k} is shown ${times} times, not ${expected}`);
              }
            }
          }
        }
      }),
      { numRuns },
    );
  });

  test("keeps a block's stacked rows within what a unit holds", () => {
    fc.assert(
      fc.property(cases, ({ shape, at, visible }) => {
        const { stack, blockPositions } = maskSchedule(shape, at, visible, false);
        expect(stack * blockPositions).toBeLessThanOrEqual(BLOCK_ROWS);
      }),
      { numRuns },
    );
  });

  const long = (queries: number, heads = 1, kvHeads = heads) => ({
    shape: { batch: 1, heads, kvHeads, queries, keys: queries, headDim: 64, valueDim: 64 },
    at: { queryOffset: Int32Array.of(0), keyLength: Int32Array.of(queries) },
  });
  const MILLION = 2 ** 20;

  test("of a million tokens is a few tasks a block", () => {
    const { shape, at } = long(MILLION);
    const blocks = Math.ceil(MILLION / BLOCK_ROWS);
    const window = maskSchedule(shape, at, mask`q >= k && q - k < 4096`, false);
    expect(window.masked).toBeUndefined();
    const sinks = maskSchedule(shape, at, mask`q >= k && (q - k < 4096 || k < 4)`, false);
    expect(sinks.lists[0]!.tasks.length / TASK_INTS).toBeLessThanOrEqual(5 * blocks);
    expect(sinks.visitedPairs).toBeLessThan(1.2 * 4096 * MILLION);
  });

  test("of packed documents visits little more than they have", () => {
    const { shape, at } = long(100_000);
    const ids = Int32Array.from({ length: 100_000 }, (_, i) => Math.floor(i / 100));
    const schedule = maskSchedule(shape, at, mask`${ids}[q] == ${ids}[k] && q >= k`, false);
    expect(schedule.visitedPairs).toBeLessThan(100_000 * 260);
  });

  test("of a hash is one partial task a block", () => {
    const { shape, at } = long(4096);
    const { lists, blockPositions } = maskSchedule(shape, at, mask`(q * 7919 + k * 104729) % 64 < 3`, false);
    expect(lists[0]!.tasks.length / TASK_INTS).toBe(Math.ceil(4096 / blockPositions));
  });

  test("is shared by heads that the mask does not tell apart", () => {
    const { shape, at } = long(1024, 8, 2);
    const shared = maskSchedule(shape, at, mask`q >= k && (q - k < 100 || k < 4)`, false);
    expect([shared.stack, shared.lists.length, [...shared.listOf]]).toEqual([4, 1, [0, 0]]);
    const perHead = maskSchedule(shape, at, mask`q >= k && q - k < ${Int32Array.of(8, 900, 8, 8)}[h % 4]`, false);
    expect(perHead.stack).toBe(1);
    expect(perHead.listOf).toHaveLength(8);
    const byGroup = maskSchedule(shape, at, mask`q >= k && q - k < ${Int32Array.of(64, 900)}[floor(h / 4)]`, false);
    expect([byGroup.stack, byGroup.lists.length]).toEqual([4, 2]);
  });
});
