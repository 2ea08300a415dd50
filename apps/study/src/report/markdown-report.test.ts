import { describe, expect, it } from "vitest";
import { studyFixture } from "../../test/study-fixture.ts";
import type { StudyRecord } from "../cells/record.ts";
import { renderMarkdown } from "./markdown-report.ts";
import { studyJson } from "./results.ts";

describe("report.md", () => {
  const records = studyFixture();
  const page = renderMarkdown(studyJson(records));

  it("has rows as wide as their head in every table", () => {
    const tables = page.split("\n\n").filter((block) => block.startsWith("|"));
    expect(tables).toHaveLength(8);
    for (const table of tables) {
      const widths = table.split("\n").map((row) => row.replaceAll("\\|", "").split("|").length);
      expect(new Set(widths).size).toBe(1);
    }
  });

  it("concludes with intervals, numbers of lengths and marks of extrapolation", () => {
    expect(page).toMatch(/^\| dense \| 7 \| (1\.9|2\.0)\d \(\d\.\d\d to \d\.\d\d\) \|/m);
    expect(page).toMatch(/^\| dense \| .* about \d+k, extrapolated \(\d+k to \d+k\)/m);
    expect(page).toMatch(/^\| retention \| dense \| time \| [\d.]+k \|$/m);
    const short = renderMarkdown(studyJson(studyFixture({ lengths: [512, 1024] })));
    expect(short).toContain("| dense | 2, too few | – |");
  });

  it("has every cell, those that were not measured with their reason on one line", () => {
    expect(page).toContain("| 16k | big-bird | out of memory: stopped at 4.00 GB |");
    const broken = records.map<StudyRecord>((record) =>
      record.record === "cell" && record.status === "failed" ? { ...record, reason: "a | b\nc" } : record,
    );
    expect(renderMarkdown(studyJson(broken))).toContain(String.raw`failed: a \| b c |`);
  });

  it("says how to repeat it", () => {
    expect(page).toContain("| command | `saccade study --preset quick` |");
    expect(page).toContain("| hash of the grid | 0f1e2d3c |");
  });
});
