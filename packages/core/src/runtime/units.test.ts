import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bandSchedule } from "../schedule/band-schedule.ts";
import type { Reach } from "../schedule/reach.ts";
import { BLOCK_ROWS, TASK_INTS } from "../schedule/schedule.ts";
import type { AttentionShape, Positions } from "../shape.ts";
import { planUnits, UNIT_INTS, type UnitPlan } from "./units.ts";

const numRuns = process.env["SACCADE_EXHAUSTIVE"] ? 20_000 : 500;

interface UnitView {
  batch: number;
  head: number;
  heads: number;
  kvHead: number;
  firstTask: number;
  taskCount: number;
  keyLo: number;
  keyHi: number;
  part: number;
  parts: number;
  slot: number;
  join: number;
}

function unitsOf({ units, unitCount }: UnitPlan): UnitView[] {
  return Array.from({ length: unitCount }, (_, index) => {
    const [batch, head, heads, kvHead, firstTask, taskCount, keyLo, keyHi, part, parts, slot, join] = units.subarray(
      index * UNIT_INTS,
    ) as unknown as number[] & { length: 12 };
    return { batch, head, heads, kvHead, firstTask, taskCount, keyLo, keyHi, part, parts, slot, join } as UnitView;
  });
}

const shapes: fc.Arbitrary<AttentionShape> = fc
  .record({
    batch: fc.integer({ min: 1, max: 3 }),
    kvHeads: fc.integer({ min: 1, max: 4 }),
    group: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 150, max: 500 })),
    queries: fc.oneof(fc.integer({ min: 1, max: 16 }), fc.integer({ min: 1, max: 600 })),
    keys: fc.oneof(fc.integer({ min: 0, max: 600 }), fc.integer({ min: 0, max: 200_000 })),
  })
  .map(({ group, kvHeads, ...rest }) => ({ ...rest, kvHeads, heads: kvHeads * group, headDim: 8, valueDim: 8 }));

const reaches = (shape: AttentionShape): fc.Arbitrary<Reach & Positions> =>
  fc
    .record({
      ahead: fc.constantFrom(0, Infinity),
      lengths: fc.array(fc.integer({ min: 0, max: shape.keys }), { minLength: shape.batch, maxLength: shape.batch }),
    })
    .map(({ ahead, lengths }) => ({
      ahead,
      back: Infinity,
      keyLength: Int32Array.from(lengths),
      queryOffset: Int32Array.from(lengths, (length) => length - shape.queries),
    }));

const cases = shapes.chain((shape) => fc.tuple(fc.constant(shape), reaches(shape)));

describe("units", () => {
  test("write every row of every head once, and their parts cover the block's keys without a gap", () => {
    fc.assert(
      fc.property(cases, ([shape, reach]) => {
        const schedule = bandSchedule(shape, reach, reach, false);
        const plan = planUnits(shape, schedule);
        const written = new Uint8Array(shape.batch * shape.heads * shape.queries);
        let end = 0;
        let join = -1;
        const wrong: UnitView[] = [];
        const group = shape.heads / shape.kvHeads;
        for (const unit of unitsOf(plan)) {
          const task = plan.tasks.subarray(unit.firstTask * TASK_INTS, (unit.firstTask + 1) * TASK_INTS);
          const fits =
            task[1]! * unit.heads <= plan.rows &&
            Math.floor(unit.head / group) === unit.kvHead &&
            Math.floor((unit.head + unit.heads - 1) / group) === unit.kvHead &&
            unit.keyHi <= reach.keyLength[unit.batch]! &&
            (unit.parts === 1 || unit.keyLo < unit.keyHi) &&
            (unit.part === 0 || (unit.keyLo === end && unit.join === join));
          if (!fits) wrong.push(unit);
          end = unit.keyHi;
          join = unit.join;
          if (unit.part + 1 < unit.parts) continue;
          for (let h = unit.head; h < unit.head + unit.heads; h++) {
            for (let i = task[0]!; i < task[0]! + task[1]!; i++) {
              written[(unit.batch * shape.heads + h) * shape.queries + i]!++;
            }
          }
        }
        expect(wrong).toEqual([]);
        expect(written.every((times) => times === 1)).toBe(true);
        expect(plan.rows).toBeLessThanOrEqual(BLOCK_ROWS);
      }),
      { numRuns },
    );
  });

  test("have slots and counters of their own", () => {
    fc.assert(
      fc.property(cases, ([shape, reach]) => {
        const plan = planUnits(shape, bandSchedule(shape, reach, reach, false));
        const split = unitsOf(plan).filter((unit) => unit.parts > 1);
        expect(new Set(split.map((unit) => unit.slot)).size).toBe(plan.slots);
        expect(split.length).toBe(plan.slots);
        expect(new Set(split.map((unit) => unit.join)).size).toBe(plan.joins);
        for (const unit of split) expect(unit.slot - unit.part).toBeGreaterThanOrEqual(0);
      }),
      { numRuns },
    );
  });

  test("come heavy first within a head", () => {
    const shape = { batch: 1, heads: 2, kvHeads: 2, queries: 960, keys: 960, headDim: 8, valueDim: 8 };
    const reach = { queryOffset: Int32Array.of(0), keyLength: Int32Array.of(960), ahead: 0, back: Infinity };
    const units = unitsOf(planUnits(shape, bandSchedule(shape, reach, reach, false)));
    for (const head of [0, 1]) {
      const ends = units.filter((unit) => unit.head === head).map((unit) => unit.keyHi);
      expect(ends).toEqual([960, 768, 576, 384, 192]);
    }
  });

  test("of one query against a long cache are parts for every core", () => {
    const shape = { batch: 1, heads: 32, kvHeads: 8, queries: 1, keys: 131072, headDim: 128, valueDim: 128 };
    const reach = { queryOffset: Int32Array.of(131071), keyLength: Int32Array.of(131072), ahead: 0, back: Infinity };
    const plan = planUnits(shape, bandSchedule(shape, reach, reach, false));
    expect(plan.unitCount).toBe(64);
    expect(plan.joins).toBe(8);
    expect(plan.rows).toBe(4);
  });

  test("of one schedule are planned once", () => {
    const shape = { batch: 1, heads: 1, kvHeads: 1, queries: 4, keys: 4, headDim: 8, valueDim: 8 };
    const reach = { queryOffset: Int32Array.of(0), keyLength: Int32Array.of(4), ahead: 0, back: Infinity };
    const schedule = bandSchedule(shape, reach, reach, false);
    expect(planUnits(shape, schedule)).toBe(planUnits(shape, schedule));
  });
});
