import fc from "fast-check";
import { expect, test } from "vitest";
import { mask } from "../expression/expression.ts";
import { maskSchedule } from "./mask-schedule.ts";
import { TASK_INTS, taskKey, taskRow, type TaskList } from "./schedule.ts";
import { transposeSchedule } from "./transpose-schedule.ts";
import { visiblePairs } from "./visible-pairs.ts";

const none = new Int32Array(0);

/** How often every pair is met. */
function pairsOf({ tasks }: TaskList): Map<string, number> {
  const pairs = new Map<string, number>();
  for (let at = 0; at < tasks.length; at += TASK_INTS) {
    for (let i = 0; i < tasks[at + 1]!; i++) {
      for (let j = 0; j < tasks[at + 4]!; j++) {
        const pair = `${taskRow(tasks, at, i, none)} ${taskKey(tasks, at, j, none)}`;
        pairs.set(pair, (pairs.get(pair) ?? 0) + 1);
      }
    }
  }
  return pairs;
}

const schedules = fc
  .record({
    window: fc.integer({ min: 1, max: 300 }),
    sinks: fc.integer({ min: 0, max: 9 }),
    N: fc.integer({ min: 1, max: 400 }),
  })
  .map(({ window, sinks, N }) => {
    const shape = { batch: 1, heads: 2, kvHeads: 1, queries: N, keys: N, headDim: 8, valueDim: 8 };
    const at = { queryOffset: Int32Array.of(0), keyLength: Int32Array.of(N) };
    const shown = mask`q >= k && (q - k < ${window} || k < ${sinks})`;
    return { shape, at, shown, schedule: maskSchedule(shape, at, shown, false) };
  });

test("a transposed schedule meets the same pairs, by blocks of keys", () => {
  fc.assert(
    fc.property(schedules, fc.constantFrom(16, 100, 128), ({ schedule }, blockKeys) => {
      const [list] = transposeSchedule(schedule, blockKeys);
      expect(pairsOf(list!)).toEqual(pairsOf(schedule.lists[0]!));
      for (let block = 0; block + 1 < list!.blocks.length; block++) {
        for (let task = list!.blocks[block]!; task < list!.blocks[block + 1]!; task++) {
          const [, , , key, keys, , , , row] = list!.tasks.subarray(task * TASK_INTS);
          expect([Math.floor(key! / blockKeys), Math.floor((key! + keys! - 1) / blockKeys), row]).toEqual([
            block,
            block,
            key,
          ]);
        }
      }
    }),
    { numRuns: 30 },
  );
});

test("visible pairs are those that the mask shows", () => {
  fc.assert(
    fc.property(schedules, ({ schedule, shape, at, shown }) => {
      let pairs = 0;
      for (let q = 0; q < shape.queries; q++) for (let k = 0; k < shape.keys; k++) pairs += shown.at({ q, k }) ? 2 : 0;
      expect(visiblePairs(schedule, shape, at)).toBe(pairs);
    }),
    { numRuns: 30 },
  );
});
