import { describe, expect, it } from "vitest";
import type { Grid } from "../cells/record.ts";
import { hashOf } from "./canonical.ts";
import { cellId, cellsOf, differenceOf } from "./grid.ts";
import { shardOf } from "./shard.ts";

const grid: Grid = {
  variants: ["dense", "window:64", "window:256"],
  lengths: [512, 1024, 2048, 4096, 8192],
  inputs: { text: { kind: "text", maxLength: 1e6 }, capture: { kind: "safetensors", maxLength: 1500 } },
  runtimes: ["auto", "wasm"],
  causal: true,
  seed: 1,
  measure: {
    timeSeconds: 1,
    repeats: 3,
    decodeSteps: 0,
    sampledRows: 0,
    needleDepths: [],
    needleTrials: 1,
    tasks: [],
    cellSeconds: 10,
  },
};

describe("a grid", () => {
  it("has a cell for each variant, length, input and runtime, short ones first, and none beyond an input's tokens", () => {
    const cells = cellsOf(grid);
    expect(cells).toHaveLength(3 * 2 * (5 + 2));
    expect(cells.slice(0, 4)).toEqual([
      { variant: "dense", input: "text", length: 512, runtime: "auto" },
      { variant: "window:64", input: "text", length: 512, runtime: "auto" },
      { variant: "window:256", input: "text", length: 512, runtime: "auto" },
      { variant: "dense", input: "text", length: 512, runtime: "wasm" },
    ]);
    expect(Math.max(...cells.filter(({ input }) => input === "capture").map(({ length }) => length))).toBe(1024);
    expect(new Set(cells.map(cellId)).size).toBe(cells.length);
  });

  it("has a hash that follows what is in it, not in which order or as what undefined it was made", () => {
    const { seed, ...rest } = grid;
    expect(hashOf({ seed, ...rest, ownVariants: undefined })).toBe(hashOf(grid));
    expect(hashOf({ ...grid, seed: 2 })).not.toBe(hashOf(grid));
    expect(hashOf({ ...grid, variants: grid.variants.toReversed() })).not.toBe(hashOf(grid));
    expect(hashOf(JSON.parse(JSON.stringify(grid)))).toBe(hashOf(grid));
  });

  it("says in what it differs from another", () => {
    expect(differenceOf(grid, grid)).toBeUndefined();
    expect(differenceOf(grid, { ...grid, lengths: [512] })).toBe("lengths [512,1024,2048,4096,8192] and [512]");
    expect(differenceOf(grid, { ...grid, ownVariants: "ab" })).toBe('ownVariants none and "ab"');
  });
});

describe("shards", () => {
  it.each([1, 2, 3, 4, 7, 100])("hold each cell once, of %i", (count) => {
    const shards = Array.from({ length: count }, (_, i) => shardOf(cellsOf(grid), { index: i + 1, count }));
    expect(shards.flat().map(cellId).toSorted()).toEqual(cellsOf(grid).map(cellId).toSorted());
  });

  it("spread every length and every variant", () => {
    const cells = shardOf(cellsOf(grid), { index: 2, count: 3 });
    expect(new Set(cells.map(({ length }) => length)).size).toBe(5);
    expect(new Set(cells.map(({ variant }) => variant)).size).toBe(3);
    const counts = [1, 2, 3].map((index) => shardOf(cellsOf(grid), { index, count: 3 }).length);
    expect(counts).toEqual([14, 14, 14]);
  });
});
