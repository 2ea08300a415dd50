import { floatsOf } from "@saccade/core/variants";
import { describe, expect, it } from "vitest";
import { gaussianInput } from "./gaussian-input.ts";

const input = (seed: number) => gaussianInput({ kind: "gaussian", heads: 4, kvHeads: 2, headDim: 8, seed });

describe("gaussian input", () => {
  it("has mean 0 and variance 1", () => {
    const values = floatsOf(input(1).slice(4096, { first: 0, count: 2 }).q);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + value ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.015);
    expect(Math.abs(variance - 1)).toBeLessThan(0.02);
  });

  it("depends on the seed and the head, not on how many heads or tokens are made together", () => {
    const both = input(1).slice(6, { first: 0, count: 2 });
    const second = input(1).slice(4, { first: 1, count: 1 });
    expect([...floatsOf(second.k)]).toEqual([...floatsOf(both.k).subarray(6 * 8, 6 * 8 + 4 * 8)]);
    expect([...floatsOf(second.q).subarray(0, 32)]).toEqual([...floatsOf(both.q).subarray(2 * 48, 2 * 48 + 32)]);
    expect([...floatsOf(input(2).slice(4, { first: 1, count: 1 }).k)]).not.toEqual([...floatsOf(second.k)]);
  });

  it("makes different numbers for every head and for q, k and v", () => {
    const { q, k, v } = input(1).slice(1, { first: 0, count: 2 });
    const first = [q, k, v].flatMap((each) => Array.from({ length: each.heads }, (_, h) => floatsOf(each)[h * 8]));
    expect(new Set(first).size).toBe(8);
  });
});
