import { describe, expect, test } from "vitest";
import { alibi, alibiScore } from "./alibi.ts";

/** The authors' recursion, as they wrote it. */
const authors = (heads: number): number[] => {
  if (Number.isInteger(Math.log2(heads))) {
    const start = 2 ** -(2 ** -(Math.log2(heads) - 3));
    return Array.from({ length: heads }, (_, i) => start * start ** i);
  }
  const closest = 2 ** Math.floor(Math.log2(heads));
  const rest = authors(2 * closest).filter((_, i) => i % 2 === 0);
  return [...authors(closest), ...rest.slice(0, heads - closest)];
};

describe("alibi", () => {
  test("halves the slope from head to head for 8 heads", () => {
    expect([...alibi(8)]).toEqual([1 / 2, 1 / 4, 1 / 8, 1 / 16, 1 / 32, 1 / 64, 1 / 128, 1 / 256]);
  });

  test("takes every other slope of the next power of two for the rest", () => {
    expect([...alibi(3)]).toEqual([1 / 16, 1 / 256, 1 / 4]);
    expect([...alibi(12)].slice(8)).toEqual([2 ** -0.5, 2 ** -1.5, 2 ** -2.5, 2 ** -3.5].map(Math.fround));
  });

  test("is the authors' code for any number of heads", () => {
    for (let heads = 1; heads <= 130; heads++) {
      const got = alibi(heads);
      for (const [h, slope] of authors(heads).entries()) expect(got[h]! / slope).toBeCloseTo(1, 6);
    }
  });

  test("penalises distance as a score", () => {
    const causal = alibiScore(8);
    const symmetric = alibiScore(8, { symmetric: true });
    expect(causal.at({ q: 10, k: 4, h: 2, s: 1 })).toBe(1 - 6 / 8);
    expect(causal.at({ q: 4, k: 10, h: 2, s: 1 })).toBe(1 + 6 / 8);
    expect(symmetric.at({ q: 4, k: 10, h: 2, s: 1 })).toBe(1 - 6 / 8);
    expect(symmetric.at({ q: 10, k: 4, h: 0, s: 1 })).toBe(-2);
  });

  test("refuses what is no number of heads", () => {
    expect(() => alibi(0)).toThrow("alibi: heads is 0, expected an integer of at least 1");
    expect(() => alibiScore(2.5)).toThrow("alibi: heads is 2.5");
  });
});
