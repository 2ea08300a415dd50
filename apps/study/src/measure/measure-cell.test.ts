import { describe, expect, it } from "vitest";
import { defaultText } from "../text/default-text.ts";
import { measureCell } from "./measure-cell.ts";
import type { Cell } from "./measurement.ts";

const cell: Cell = {
  system: "dense",
  length: 600,
  input: { kind: "text", file: defaultText(), tokens: "words", ngram: 4, heads: 4, kvHeads: 4, headDim: 64 },
  options: { causal: true, scale: undefined, runtime: "auto", threads: 1 },
  repeats: 1,
  budgetMs: 1000,
  inputBytesAtOnce: 2 ** 30,
};

describe("a cell", () => {
  it("says the same whether its heads are made together or one after the other", async () => {
    const together = await measureCell(cell);
    const apart = await measureCell({ ...cell, inputBytesAtOnce: 1 });
    expect([together.passes, apart.passes]).toEqual([1, 4]);
    // Key heads 0 and 3 do induction.
    expect(together.retrieval!.scored % 2).toBe(0);
    for (const field of ["rows", "maxAbsError", "maxAbsReference", "flops", "inputBytes", "retrieval"] as const) {
      expect(apart[field]).toEqual(together[field]);
    }
    expect(apart.targetMass!.local).toBeCloseTo(together.targetMass!.local!, 12);
    expect(apart.targetMass!.induction).toBeCloseTo(together.targetMass!.induction!, 1);
  });
});
