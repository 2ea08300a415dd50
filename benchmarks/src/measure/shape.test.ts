import { expect, test } from "vitest";
import { cacheBytes, describe as describeShape, neededFlops, visiblePairs, type CallShape } from "./shape.ts";

const shape: CallShape = { B: 2, H: 4, G: 2, N: 3, M: 5, D: 8, E: 6, causal: true };

test("a causal query sees its own key, which stands at the end of the keys", () => {
  expect(visiblePairs(shape)).toBe(2 * 4 * (3 + 4 + 5));
  expect(visiblePairs({ ...shape, causal: false })).toBe(2 * 4 * 15);
  expect(visiblePairs({ ...shape, M: 2 })).toBe(2 * 4 * (0 + 1 + 2));
});

test("work is two operations for each number of a visible pair", () => {
  expect(neededFlops({ ...shape, causal: false })).toBe(2 * 4 * 15 * 2 * 14);
  expect(cacheBytes(shape)).toBe(2 * 2 * 5 * 14 * 4);
});

test("names say only what differs from the plain case", () => {
  expect(describeShape({ ...shape, B: 1, G: 4, M: 3, E: 8, causal: false })).toBe("n3-h4-d8-full");
  expect(describeShape(shape)).toBe("n3-m5-b2-h4-g2-d8-e6-causal");
});

test("windows, dilation and documents show fewer pairs", () => {
  const square: CallShape = { B: 1, H: 1, G: 1, N: 6, M: 6, D: 8, E: 8, causal: true };
  expect(visiblePairs({ ...square, window: 2 })).toBe(1 + 5 * 2);
  // Queries 4 and 5 see the key four before them too.
  expect(visiblePairs({ ...square, window: 3, dilation: 2 })).toBe(1 + 1 + 2 + 2 + 3 + 3);
  expect(visiblePairs({ ...square, documents: 6 })).toBe(6);
  expect(visiblePairs({ ...square, documents: 1 })).toBe(21);
});

test("a step reads what its window and its types leave of the cache", () => {
  const step: CallShape = { B: 1, H: 4, G: 2, N: 1, M: 100, D: 8, E: 8, causal: true };
  expect(cacheBytes({ ...step, window: 10 })).toBe(2 * 10 * 16 * 4);
  expect(cacheBytes({ ...step, stored: "bf16" })).toBe(2 * 100 * 16 * 2);
  expect(cacheBytes({ ...step, stored: "i8" })).toBe(2 * 100 * (16 + 8));
  expect(describeShape({ ...step, window: 10, stored: "f16" })).toBe("n1-m100-h4-g2-d8-causal-window10-f16");
});
