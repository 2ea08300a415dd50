import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mask } from "../expression/expression.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import type { BlockList } from "./block-list.ts";
import { scheduleFromBlocks } from "./block-list-schedule.ts";
import { BLOCK_ROWS, FINISH, MASKED, PARTIAL, stacksPerGroup, TASK_INTS } from "./schedule.ts";

const shapeOf = (queries: number, keys: number, heads = 1, kvHeads = heads): AttentionShape => ({
  batch: 1,
  heads,
  kvHeads,
  queries,
  keys,
  headDim: 64,
  valueDim: 64,
});

const endsTogether = ({ queries, keys }: AttentionShape): Positions => ({
  queryOffset: Int32Array.of(keys - queries),
  keyLength: Int32Array.of(keys),
});

/** Blocks of keys for every block of queries, as a list. */
function listOf(rows: readonly (readonly number[])[]): BlockList {
  const starts = Int32Array.from({ length: rows.length + 1 }, (_, i) => rows.slice(0, i).flat().length);
  return { starts, keyBlocks: Int32Array.from(rows.flat()) };
}

const cases = fc
  .record({
    queries: fc.integer({ min: 1, max: 300 }),
    keys: fc.integer({ min: 1, max: 600 }),
    blockSize: fc.constantFrom(16, 33, 64, 128, 577),
    kvHeads: fc.constantFrom(1, 2),
    group: fc.constantFrom(1, 3),
    shown: fc.constantFrom(undefined, mask`q >= k`, mask`q >= k && (q + k) % 3 == 0`, mask`k % 64 < 32 || h == 1`),
    perHead: fc.boolean(),
    seed: fc.integer(),
  })
  .map(({ seed, ...rest }) => {
    let state = seed;
    const half = () => ((state = (Math.imul(state, 1664525) + 1013904223) | 0) & 0x4000) !== 0;
    const { queries, keys, blockSize, kvHeads, group, perHead } = rest;
    const some = () =>
      Array.from({ length: Math.ceil(queries / blockSize) }, () =>
        Array.from({ length: Math.ceil(keys / blockSize) }, (_, i) => i).filter(half),
      );
    const rows = Array.from({ length: perHead ? kvHeads * group : kvHeads }, some);
    return { ...rest, rows, rowsOf: (h: number) => rows[perHead ? h : Math.floor(h / group)]! };
  });

describe("the schedule of a list of blocks", () => {
  test("shows the pairs of its blocks that the mask shows, once", () => {
    fc.assert(
      fc.property(cases, ({ queries, keys, blockSize, kvHeads, group, shown, rows, rowsOf }) => {
        const shape = shapeOf(queries, keys, kvHeads * group, kvHeads);
        const at = endsTogether(shape);
        const lists = new Map(rows.map((each) => [each, listOf(each)]));
        const schedule = scheduleFromBlocks(shape, at, {
          blockSize,
          listOf: (_, h) => lists.get(rowsOf(h))!,
          mask: shown,
        });
        expect(schedule.stack * schedule.blockPositions).toBeLessThanOrEqual(BLOCK_ROWS);
        const stacks = stacksPerGroup(shape.heads, kvHeads, schedule.stack);
        const { ahead, back } = schedule.reaches[0]!;
        for (let h = 0; h < shape.heads; h++) {
          const stack = Math.floor(h / group) * stacks + Math.floor((h % group) / schedule.stack);
          const { tasks } = schedule.lists[schedule.listOf[stack]!]!;
          const counts = new Uint8Array(queries * keys);
          for (let t = 0; t < tasks.length; t += TASK_INTS) {
            const flags = tasks[t + 7]!;
            for (let i = tasks[t]!; i < tasks[t]! + tasks[t + 1]!; i++) {
              for (let k = tasks[t + 3]!; k < tasks[t + 3]! + tasks[t + 4]!; k++) {
                const q = i + at.queryOffset[0]!;
                const inReach = (flags & PARTIAL) === 0 || (k <= q + ahead && k >= q - back);
                if (inReach && ((flags & MASKED) === 0 || schedule.masked!.at({ q, k, h }))) counts[i * keys + k]!++;
              }
            }
          }
          for (let i = 0; i < queries; i++) {
            for (let k = 0; k < keys; k++) {
              const listed = rowsOf(h)[Math.floor(i / blockSize)]!.includes(Math.floor(k / blockSize));
              const expected = listed && (shown?.at({ q: i + keys - queries, k, h }) ?? true) ? 1 : 0;
              if (counts[i * keys + k] !== expected) expect.fail(`pair ${h} ${i} ${k}: ${counts[i * keys + k]} times`);
            }
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  test("has one task for neighbouring blocks, and one for rows without any", () => {
    const list = listOf([[], [0, 1, 3]]);
    const shape = shapeOf(128, 256);
    const { lists, visitedPairs } = scheduleFromBlocks(shape, endsTogether(shape), {
      blockSize: 64,
      listOf: () => list,
    });
    expect([...lists[0]!.tasks]).toEqual([
      ...[0, 64, 1, 0, 0, 1, 0, FINISH, 0, -1, -1, 0],
      ...[64, 64, 1, 0, 128, 1, 0, 0, 0, -1, -1, 0],
      ...[64, 64, 1, 192, 64, 1, 0, FINISH, 192, -1, -1, 0],
    ]);
    expect(visitedPairs).toBe(64 * 192);
  });

  test("stacks heads of a group that share a list", () => {
    const [one, other] = [listOf([[0]]), listOf([[1]])];
    const shape = shapeOf(64, 128, 4, 2);
    const at = endsTogether(shape);
    const byGroup = scheduleFromBlocks(shape, at, { blockSize: 64, listOf: (_, h) => (h < 2 ? one : other) });
    expect([byGroup.stack, byGroup.lists.length]).toEqual([2, 2]);
    const byHead = scheduleFromBlocks(shape, at, { blockSize: 64, listOf: (_, h) => (h % 2 ? one : other) });
    expect([byHead.stack, [...byHead.listOf]]).toEqual([1, [0, 1, 0, 1]]);
  });

  test("refuses lists that do not fit", () => {
    const shape = shapeOf(128, 128);
    const make = (list: BlockList) => () =>
      scheduleFromBlocks(shape, endsTogether(shape), { blockSize: 64, listOf: () => list });
    expect(make(listOf([[0]]))).toThrow(
      "scheduleFromBlocks: the list of b = 0, h = 0 has 2 starts and 1 entries, expected 3",
    );
    expect(make(listOf([[0], [1, 0]]))).toThrow("lists 0 after 1, expected ascending blocks below 2");
    expect(make(listOf([[0], [2]]))).toThrow("lists 2 after -1, expected ascending blocks below 2");
  });
});
