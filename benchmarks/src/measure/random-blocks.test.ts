import { expect, test } from "vitest";
import { randomBlocks } from "./random-blocks.ts";

test.each([0, 0.05, 0.3, 1])("a list has the share of blocks that is asked for: %d", (density) => {
  const { starts, keyBlocks } = randomBlocks({ rows: 100, density });
  expect(starts[100]).toBe(Math.round(10_000 * density));
  for (let row = 0; row < 100; row++) {
    const listed = [...keyBlocks.subarray(starts[row], starts[row + 1])];
    expect(listed).toEqual([...new Set(listed)].sort((a, b) => a - b));
    expect(listed.every((block) => block >= 0 && block < 100)).toBe(true);
  }
});

test("a causal list has its diagonal and nothing after it", () => {
  const { starts, keyBlocks } = randomBlocks({ rows: 128, density: 0.1, causal: true });
  expect(keyBlocks.length).toBeGreaterThan(0.095 * 128 * 64);
  expect(keyBlocks.length).toBeLessThan(0.105 * 128 * 65);
  for (let row = 0; row < 128; row++) expect(keyBlocks[starts[row + 1]! - 1]).toBe(row);
});
