import { describe, expect, it } from "vitest";
import { studyFixture } from "../../test/study-fixture.ts";
import type { CellRecord, StudyRecord } from "../cells/record.ts";
import { conclude } from "./conclude.ts";

const cellsOf = (records: readonly StudyRecord[]): CellRecord[] => records.filter((record) => record.record === "cell");

describe("conclude", () => {
  const conclusions = conclude(cellsOf(studyFixture()));
  const growthOf = (variant: string, quantity: "time" | "memory") =>
    conclusions.growth.find((each) => each.variant === variant && each.quantity === quantity);

  it("finds the exponents that the cells were made with", () => {
    const dense = growthOf("dense", "time")?.tail?.exponentInterval ?? [0, 0];
    expect(dense[0] < 2 && 2 < dense[1]).toBe(true);
    for (const variant of ["window:1024", "top-k-blocks:16", "chunk:2048", "retention"]) {
      const [low, high] = growthOf(variant, "time")?.tail?.exponentInterval ?? [0, 0];
      expect(low < 1.01 && 0.99 < high, variant).toBe(true);
    }
    expect(growthOf("dense", "time")?.points).toBe(7);
    // Outputs and workspaces grow with length, the runtime does not; what is not far above noise says nothing.
    const memory = growthOf("dense", "memory");
    expect(memory?.points).toBeLessThan(7);
    expect(memory?.law?.offset).toBe(8e6);
    expect(memory?.law?.exponent).toBeGreaterThan(0.8);
    expect(memory?.law?.exponent).toBeLessThan(1.1);
  });

  it("finds who overtakes whom", () => {
    const over = conclusions.crossovers.filter((each) => each.quantity === "time" && each.overtaken === "dense");
    expect(over.find((each) => each.variant === "retention")).toMatchObject({ before: "dearer", extrapolated: false });
    // Up to 2048 tokens it computes what dense attention does.
    const window = over.find((each) => each.variant === "window:1024");
    expect(window).toMatchObject({ before: "equal", between: [2048, 4096] });
    expect(conclusions.crossovers.some((each) => each.variant === "dense" && each.quantity === "time")).toBe(false);
  });

  it("finds the longest length within time and memory", () => {
    const tight = conclude(cellsOf(studyFixture()), { timeMs: 100, memoryBytes: 1e9 });
    const dense = tight.longest.find((each) => each.variant === "dense");
    expect(dense?.inTime.kind).toBe("measured");
    expect(dense?.inBoth).toBe(dense?.inTime);
    // 4 heads, N^2 / 2 pairs each, 1.6 ns a pair.
    const expected = Math.sqrt(0.1 / (2 * 1.6e-9));
    const found = dense?.inTime.kind === "measured" ? dense.inTime.length : 0;
    expect(Math.abs(found / expected - 1)).toBeLessThan(0.1);
  });

  it("never compares machines, runtimes or inputs with each other", () => {
    const options = { machines: 2, runtimes: ["native", "wasm"], inputs: ["text", "gaussian"] } as const;
    const mixed = conclude(cellsOf(studyFixture(options)));
    for (const each of mixed.growth) expect(each.points).toBeLessThanOrEqual(7);
    const on = (variant: string, like: { runtime: string; machine: string; input: string }): boolean =>
      mixed.growth.some(
        (each) =>
          each.variant === variant &&
          each.runtime === like.runtime &&
          each.machine === like.machine &&
          each.input === like.input,
      );
    expect(mixed.crossovers.length).toBeGreaterThan(0);
    for (const each of mixed.crossovers) expect(on(each.variant, each) && on(each.overtaken, each)).toBe(true);
  });

  it("refuses exponents with fewer than three lengths", () => {
    const two = conclude(cellsOf(studyFixture({ lengths: [512, 1024] })));
    expect(two.growth.every((each) => each.law === undefined && each.tail === undefined)).toBe(true);
    expect(two.growth[0]?.points).toBe(2);
  });
});
