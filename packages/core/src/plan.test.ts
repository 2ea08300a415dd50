import fc from "fast-check";
import { expect, test } from "vitest";
import { dense } from "./dense.ts";
import { mask } from "./expression/expression.ts";
import { openReference } from "./runtime/reference.ts";

const runtime = openReference();

test("visible pairs in closed form equal those counted one by one", () => {
  fc.assert(
    fc.property(
      fc.record({
        causal: fc.boolean(),
        queries: fc.integer({ min: 0, max: 40 }),
        keys: fc.integer({ min: 0, max: 60 }),
        offsets: fc.array(fc.integer({ min: -80, max: 80 }), { minLength: 2, maxLength: 2 }),
        lengths: fc.array(fc.nat(), { minLength: 2, maxLength: 2 }),
      }),
      ({ causal, queries, keys, offsets, lengths }) => {
        const keyLengths = lengths.map((length) => length % (keys + 1));
        const shape = { batch: 2, heads: 6, kvHeads: 2, queries, keys, headDim: 4, keyLengths, runtime };
        const plan = dense({ causal }).plan({ ...shape, queryOffset: offsets });
        let pairs = 0;
        for (let b = 0; b < 2; b++) {
          for (let i = 0; i < queries; i++) {
            for (let j = 0; j < keyLengths[b]!; j++) if (!causal || j <= i + offsets[b]!) pairs++;
          }
        }
        expect(plan.visiblePairs).toBe(6 * pairs);
        expect(plan.visitedPairs).toBeGreaterThanOrEqual(plan.visiblePairs);
        expect(plan.exact).toBe(true);
      },
    ),
  );
});

test("a plan states operations, bytes and the cache of a known shape", () => {
  const shape = { batch: 1, heads: 8, kvHeads: 2, queries: 96, keys: 96, headDim: 64, valueDim: 32, runtime };
  const plan = dense({ causal: true }).plan(shape);
  const visiblePairs = (8 * (96 * 97)) / 2;
  expect(plan.visiblePairs).toBe(visiblePairs);
  expect(plan.flops).toBe(2 * (64 + 32) * visiblePairs);
  expect(plan.cacheBytes).toBe(4 * 2 * 96 * (64 + 32));
  // Two blocks of 48 positions with four stacked heads, each over the keys up to its end.
  expect(plan.visitedPairs).toBe(8 * 48 * (48 + 96));
  expect(plan.bytesRead).toBe(4 * (8 * 96 * 64 + 2 * (48 + 96) * (64 + 32)));
  expect(plan.workspaceBytes).toBeGreaterThan(0);
});

test("a plan with a mask or a bias is an upper bound and says so", () => {
  const shape = { heads: 2, queries: 8, headDim: 4, runtime };
  const bare = dense().plan(shape);
  const masked = dense().plan({ ...shape, mask: true, bias: true });
  expect(bare.exact).toBe(true);
  expect(masked).toMatchObject({ exact: false, visiblePairs: bare.visiblePairs });
  expect(masked.bytesRead).toBe(bare.bytesRead + 5 * masked.visitedPairs);
});

test("planning a million tokens takes the same path as planning a few", () => {
  const plan = dense({ causal: true }).plan({ heads: 1, queries: 2 ** 20, headDim: 64, runtime });
  expect(plan.visiblePairs).toBe((2 ** 20 * (2 ** 20 + 1)) / 2);
  expect(plan.visitedPairs / plan.visiblePairs).toBeLessThan(1.001);
});

test("a plan refuses sizes that do not fit together", () => {
  const plan = (change: object) => () => dense().plan({ heads: 8, queries: 4, headDim: 4, runtime, ...change });
  expect(plan({ kvHeads: 3 })).toThrow("dense.plan: shape has G = 3 heads, which does not divide H = 8");
  expect(plan({ queries: NaN })).toThrow("dense.plan: queries is NaN, expected an integer of at least 0");
  expect(plan({ headDim: 0 })).toThrow("dense.plan: shape has D = 0, expected at least 1");
  expect(plan({ keyLengths: [5] })).toThrow("dense.plan: keyLengths[0] is 5, expected an integer in 0..4");
});

test("a plan counts what a mask expression shows, and what a cache of stored keys takes", () => {
  const shape = { heads: 4, kvHeads: 2, queries: 300, headDim: 8, runtime };
  const shown = mask`q >= k && (q - k) % 3 == 0`;
  const plan = dense({ mask: shown }).plan({ ...shape, dtype: "i8" });
  let pairs = 0;
  for (let q = 0; q < 300; q++) for (let k = 0; k < 300; k++) if (shown.at({ q, k })) pairs++;
  expect(plan.visiblePairs).toBe(4 * pairs);
  expect(plan.flops).toBe(2 * 16 * 4 * pairs);
  expect(plan.exact).toBe(true);
  expect(plan.density).toBe(plan.visitedPairs / (4 * 300 * 300));
  // Keys and values of a byte a number, and two factors of four bytes for every row.
  expect(plan.cacheBytes).toBe(2 * 300 * (16 + 8));
});
