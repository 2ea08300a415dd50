import { describe, expect, it } from "vitest";
import { header, measuredCell } from "../../test/cells.ts";
import type { CellRecord } from "../study/record.ts";
import { renderMarkdown, summary } from "./markdown.ts";

const cells: CellRecord[] = [
  measuredCell({ system: "dense", length: 512, medianMs: 2, peakBytes: 5e6 }),
  measuredCell({ system: "naive", length: 512, medianMs: 100, peakBytes: 50e6 }),
  measuredCell({ system: "dense", length: 1024 }),
  {
    record: "cell",
    system: "naive",
    length: 1024,
    status: "too-large",
    reason: "would hold 9 GB | 8 GB are available",
  },
];

describe("the report", () => {
  const page = renderMarkdown(header, cells, [{ title: "Time", file: "study-time.svg" }]);

  it("has rows as wide as their head in every table", () => {
    const tables = page.split("\n\n").filter((block) => block.startsWith("|"));
    expect(tables).toHaveLength(5);
    for (const table of tables) {
      const widths = table.split("\n").map((row) => row.replaceAll("\\|", "").split("|").length);
      expect(new Set(widths).size).toBe(1);
    }
  });

  it("says where and how it was measured, and shows the charts", () => {
    expect(page).toContain("| processor | a processor, 2 cores |");
    expect(page).toContain("| ran | dense: native, avx2, 2 threads; naive: native, avx2, 2 threads |");
    expect(page).toContain("![Time](study-time.svg)");
  });

  it("keeps a cell that was not measured, with its reason", () => {
    expect(page).toContain("| 1024 | naive | too large: would hold 9 GB \\| 8 GB are available |");
  });

  it("has no sections for what the input cannot tell", () => {
    const plain = cells
      .slice(0, 1)
      .map((cell) => ({ ...cell, retrieval: undefined, targetMass: undefined }) as CellRecord);
    const without = renderMarkdown(header, plain, []);
    expect(without).not.toContain("## Retrieval");
    expect(without).not.toContain("## What the heads look at");
  });
});

describe("the summary", () => {
  it("compares at the longest length that both were measured at", () => {
    expect(summary(header, cells)).toContain(
      "At 512 tokens naive takes 50.0 times as long as dense and holds 50.0 MB beyond the inputs where dense holds 5.00 MB.",
    );
  });

  it("says when dense attention does not retrieve", () => {
    const retrieval = { scored: 100, correct: 50, farScored: 0, farCorrect: 0 };
    expect(summary(header, [measuredCell({ length: 512, retrieval })])).toContain(
      "**Dense attention does not retrieve at 512 tokens** (the bound is 90%)",
    );
  });
});
