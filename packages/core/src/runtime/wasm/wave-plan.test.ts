import fc from "fast-check";
import { expect, test } from "vitest";
import { bandSchedule } from "../../schedule/band-schedule.ts";
import { TASK_INTS } from "../../schedule/schedule.ts";
import type { AttentionShape } from "../../shape.ts";
import { planUnits, UNIT_INTS } from "../units.ts";
import { Arena } from "./arena.ts";
import { planWaves, type Copies, type WaveInputs, type WaveLimits, type WavePlan } from "./wave-plan.ts";
import { WaveWorks } from "./wave-work.ts";

const EVERYTHING_COPIED: Copies = { q: true, k: true, v: true, out: true };
const MB = 2 ** 20;

interface Call {
  shape: AttentionShape;
  causal: boolean;
  window?: number;
  lengths?: number[];
  copies?: Copies;
  pairTerms?: WaveInputs["pairTerms"];
}

function planned({ shape, causal, window, lengths, copies, pairTerms }: Call, limits?: WaveLimits) {
  const keyLength = Int32Array.from({ length: shape.batch }, (_, b) => lengths?.[b] ?? shape.keys);
  const queryOffset = keyLength.map((length) => length - shape.queries);
  const reach = { queryOffset, keyLength, ahead: causal ? 0 : Infinity, back: window ?? Infinity };
  const schedule = bandSchedule(shape, reach, reach, pairTerms !== undefined);
  const units = planUnits(shape, schedule);
  const stateFloats = units.rows * (shape.headDim + shape.valueDim + 2);
  const inputs: WaveInputs = {
    shape,
    schedule,
    units,
    stateFloats,
    operands: 1,
    copies: copies ?? EVERYTHING_COPIED,
    pairTerms: pairTerms ?? [],
  };
  const plan = limits === undefined ? planWaves(inputs) : planWaves(inputs, limits);
  return { units, plan, inputs, works: new WaveWorks(plan, units, schedule, shape), schedule };
}

/** How often each (batch element, query head, row, key) is met, with panels and parts as the kernels cut them. */
function visits(call: Call, limits: WaveLimits): { counts: Uint8Array; plan: WavePlan; expected: Uint8Array } {
  const { shape } = call;
  const { units: all, plan, works, schedule } = planned(call, limits);
  const { batch, heads, kvHeads, queries, keys } = shape;
  const index = (b: number, h: number, n: number, m: number): number => ((b * heads + h) * queries + n) * keys + m;
  const counts = new Uint8Array(batch * heads * queries * keys);
  for (const wave of plan.waves) {
    const work = works.work(wave);
    const tasks = work.tasks ?? all.tasks;
    for (const panel of work.panels) {
      for (let u = 0; u < work.unitCount; u++) {
        const [b, head, stack, kvHead, firstTask, taskCount, lo, hi] = work.units.subarray(u * UNIT_INTS);
        expect(b! >= wave.batch.from && b! < wave.batch.to).toBe(true);
        expect(kvHead! >= wave.kvHeads.from && kvHead! < wave.kvHeads.to).toBe(true);
        for (let t = firstTask!; t < firstTask! + taskCount!; t++) {
          const [row, rowCount, , key, keyCount] = tasks.subarray(t * TASK_INTS);
          for (let m = Math.max(key!, lo!, panel.from); m < Math.min(key! + keyCount!, hi!, panel.to); m++) {
            if (m < panel.first || m >= panel.end) throw new Error("a key is used that was not copied");
            for (let n = row!; n < row! + rowCount!; n++) {
              if (n < wave.rows.from || n >= wave.rows.to) throw new Error("a row is used that was not copied");
              for (let h = head!; h < head! + stack!; h++) counts[index(b!, h, n, m)]!++;
            }
          }
        }
      }
    }
  }
  const expected = new Uint8Array(counts.length);
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      const { tasks } = schedule.lists[schedule.listOf[b * kvHeads + Math.floor((h * kvHeads) / heads)]!]!;
      for (let t = 0; t < tasks.length; t += TASK_INTS) {
        const [row, rowCount, , key, keyCount] = tasks.subarray(t);
        for (let n = row!; n < row! + rowCount!; n++) {
          for (let m = key!; m < key! + keyCount!; m++) expected[index(b, h, n, m)]!++;
        }
      }
    }
  }
  return { counts, plan, expected };
}

const shapes: fc.Arbitrary<AttentionShape> = fc
  .record({
    batch: fc.integer({ min: 0, max: 3 }),
    kvHeads: fc.integer({ min: 1, max: 3 }),
    group: fc.integer({ min: 1, max: 3 }),
    queries: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 100, max: 500 })),
    keys: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 200, max: 1200 })),
    headDim: fc.constantFrom(4, 64),
  })
  .map(({ group, ...shape }) => ({ ...shape, heads: shape.kvHeads * group, valueDim: shape.headDim }));

test("every pair of a row and a key that the schedule names is met exactly once, whatever the limits", () => {
  const limits = fc.record({
    waveBytes: fc.constantFrom(1, 100_000, 1_000_000, 30_000_000),
    panelBytes: fc.constantFrom(1, 300_000, 1_000_000),
    unitFlops: fc.constantFrom(1, 10_000_000, 1e12),
  });
  fc.assert(
    fc.property(
      shapes,
      fc.boolean(),
      fc.option(fc.nat(300), { nil: undefined }),
      limits,
      (shape, causal, window, bounds) => {
        const lengths = Array.from({ length: shape.batch }, (_, b) => Math.max(0, shape.keys - 37 * b));
        const call: Call = { shape, causal, lengths, ...(window === undefined ? {} : { window }) };
        const { counts, expected } = visits(call, bounds);
        // Comparing typed arrays element by element is slow in the test runner.
        expect(Buffer.compare(counts, expected)).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});

test("every row is begun and finished in exactly one wave", () => {
  fc.assert(
    fc.property(shapes, fc.constantFrom(1, 200_000, 3_000_000), (shape, waveBytes) => {
      const { plan, works, units } = planned({ shape, causal: true }, { waveBytes, panelBytes: 1e6, unitFlops: 1e6 });
      const written = new Uint8Array(shape.batch * shape.heads * shape.queries);
      for (const wave of plan.waves) {
        const work = works.work(wave);
        expect(work.panels.length).toBeGreaterThan(0);
        for (let u = 0; u < work.unitCount; u++) {
          const [b, head, stack, , firstTask] = work.units.subarray(u * UNIT_INTS);
          const [row, rowCount] = (work.tasks ?? units.tasks).subarray(firstTask! * TASK_INTS);
          for (let h = head!; h < head! + stack!; h++) {
            for (let n = row!; n < row! + rowCount!; n++) written[(b! * shape.heads + h) * shape.queries + n]!++;
          }
        }
      }
      const parts = units.joins > 0 && !plan.streams;
      expect(parts || written.every((count) => count === 1)).toBe(true);
    }),
    { numRuns: 100 },
  );
});

test.each<[string, AttentionShape, Omit<Call, "shape" | "causal">]>([
  ["1M tokens, 32 heads", sizes(1, 32, 32, 2 ** 20, 2 ** 20, 64), {}],
  ["1M tokens, 32 heads on 8, D 128", sizes(1, 32, 8, 2 ** 20, 2 ** 20, 128), {}],
  ["64k tokens", sizes(1, 8, 8, 65_536, 65_536, 64), {}],
  [
    "a bias of its own for every head",
    sizes(1, 16, 16, 16_384, 16_384, 64),
    { pairTerms: [{ heads: 16, rows: 16_384, bytes: 4 }] },
  ],
  [
    "a mask for all heads of one group",
    sizes(2, 64, 1, 8192, 8192, 64),
    { pairTerms: [{ heads: 1, rows: 8192, bytes: 1 }] },
  ],
  [
    "a bias and a mask",
    sizes(1, 8, 2, 4096, 8192, 128),
    {
      pairTerms: [
        { heads: 8, rows: 4096, bytes: 4 },
        { heads: 8, rows: 4096, bytes: 1 },
      ],
    },
  ],
  ["one query over 1M keys", sizes(1, 32, 8, 1, 2 ** 20, 128), {}],
  ["one query, 256 batch elements", sizes(256, 32, 8, 1, 4096, 128), {}],
  ["many short sequences", sizes(4096, 12, 12, 128, 128, 64), {}],
  ["512 heads on one", sizes(1, 512, 1, 2048, 65_536, 64), {}],
  ["D 512", sizes(1, 4, 4, 8192, 8192, 512), {}],
])("the memory of a call stays below 40 MB with 8 threads: %s", (_, shape, more) => {
  for (const causal of [false, true]) {
    const { units, plan, inputs, works } = planned({ shape, causal, ...more });
    const term = (bytes: number): { shape: readonly [number, number, number, number] } | undefined => {
      const found = inputs.pairTerms.find((each) => each.bytes === bytes);
      return found && { shape: [shape.batch, found.heads, found.rows, shape.keys] };
    };
    const arena = new Arena({
      ...inputs,
      programs: { mask: undefined, score: undefined },
      scores: { bias: term(4) as never, mask: term(1) as never, learnedSinks: undefined },
      plan,
      units,
      most: works.most(),
      threads: 8,
      buffers: 2,
      slotFloats: units.rows * (shape.valueDim + 2),
      scratchFloats: 128 * (shape.headDim + shape.valueDim + 16) + (plan.streams ? 0 : inputs.stateFloats),
    });
    expect(arena.bytes / MB).toBeLessThan(40);
    // Each panel of keys is copied once a wave: with this many rows, copies are a small part of the work.
    if (plan.streams && shape.queries >= 1024) {
      expect((plan.rows * shape.heads) / shape.kvHeads).toBeGreaterThanOrEqual(1024);
    }
  }
});

test("a causal wave copies only keys that its rows see", () => {
  const { plan, works } = planned({ shape: sizes(1, 1, 1, 65_536, 65_536, 64), causal: true });
  expect(plan.waves.length).toBeGreaterThan(1);
  for (const wave of plan.waves) {
    for (const panel of works.work(wave).panels) expect(panel.end).toBeLessThanOrEqual(wave.rows.to);
  }
});

test("a windowed wave copies only keys that its rows see", () => {
  const { plan, works } = planned({ shape: sizes(1, 1, 1, 262_144, 262_144, 64), causal: true, window: 1000 });
  let copied = 0;
  for (const wave of plan.waves) for (const { first, end } of works.work(wave).panels) copied += end - first;
  expect(copied).toBeLessThan(262_144 + plan.waves.length * 1300);
});

test("panels begin at multiples of 256", () => {
  const { plan, works } = planned({ shape: sizes(1, 8, 8, 4096, 10_000, 80), causal: false });
  for (const wave of plan.waves) {
    for (const panel of works.work(wave).panels) expect([panel.from % 256, panel.first % 256]).toEqual([0, 0]);
  }
});

test("keys that are in linear memory already take no panels of it, and may be met at once", () => {
  const copies = { q: true, k: false, v: false, out: true };
  const shape = sizes(1, 32, 8, 4, 131_072, 128);
  expect(planned({ shape, causal: true }).plan.streams).toBe(true);
  const { plan, units } = planned({ shape, causal: true, copies });
  expect(plan.streams).toBe(false);
  expect(plan.waves.length).toBe(1);
  expect(units.joins).toBeGreaterThan(0);
});

function sizes(
  batch: number,
  heads: number,
  kvHeads: number,
  queries: number,
  keys: number,
  headDim: number,
): AttentionShape {
  return { batch, heads, kvHeads, queries, keys, headDim, valueDim: headDim };
}
