import { describe, expect, it } from "vitest";
import { contextRanges } from "./context-ranges.ts";

describe("ranges of context", () => {
  it("double, and end with the length", () => {
    expect(contextRanges(300)).toEqual([
      { from: 1, to: 64 },
      { from: 65, to: 128 },
      { from: 129, to: 256 },
      { from: 257, to: 300 },
    ]);
    expect(contextRanges(64)).toEqual([{ from: 1, to: 64 }]);
    expect(contextRanges(5)).toEqual([{ from: 1, to: 5 }]);
  });
});
