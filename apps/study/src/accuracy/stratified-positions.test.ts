import { describe, expect, test } from "vitest";
import { stratifiedPositions } from "./stratified-positions.ts";

describe("sampled positions", () => {
  test("are the first, the last, and one of each stretch between", () => {
    for (const [asked, length] of [
      [64, 4096],
      [10, 10],
      [64, 40],
      [3, 1000],
    ] as const) {
      const positions = stratifiedPositions(asked, length, 1, 5);
      expect(positions).toHaveLength(Math.min(asked, length));
      expect(positions[0]).toBe(0);
      expect(positions.at(-1)).toBe(length - 1);
      const inner = positions.slice(1, -1);
      for (const [stratum, position] of inner.entries()) {
        expect(position - 1).toBeGreaterThanOrEqual(Math.floor((stratum * (length - 2)) / inner.length));
        expect(position - 1).toBeLessThan(Math.floor(((stratum + 1) * (length - 2)) / inner.length));
      }
    }
  });

  test("are every position where there are no more, and none where none are asked for", () => {
    expect(stratifiedPositions(64, 5, 4, 1)).toEqual([0, 1, 2, 3, 4]);
    expect(stratifiedPositions(64, 1, 4, 1)).toEqual([0]);
    expect(stratifiedPositions(0, 100, 4, 1)).toEqual([]);
  });

  test("are decided by the seed", () => {
    expect(stratifiedPositions(32, 5000, 2, 7)).toEqual(stratifiedPositions(32, 5000, 2, 7));
    expect(stratifiedPositions(32, 5000, 2, 7)).not.toEqual(stratifiedPositions(32, 5000, 2, 8));
  });

  test("are fewer where they would cost more than seconds", () => {
    expect(stratifiedPositions(64, 2 ** 20, 2, 1)).toHaveLength(64);
    expect(stratifiedPositions(64, 2 ** 20, 6, 1)).toHaveLength(21);
    expect(stratifiedPositions(64, 2 ** 20, 32, 1)).toHaveLength(8);
  });
});
