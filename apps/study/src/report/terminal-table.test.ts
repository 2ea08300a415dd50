import { expect, it } from "vitest";
import { studyFixture } from "../../test/study-fixture.ts";
import type { StudyRecord } from "../cells/record.ts";
import { renderTable } from "./terminal-table.ts";

it("shows each length once, and why a cell was not measured", () => {
  const [head, first, second, ...others] = renderTable(studyFixture()).split("\n");
  expect(head).toMatch(/^tokens {2}variant +time +± /);
  expect(first).toMatch(/^ +512 {2}dense +1\.\d\d ms/);
  expect(second).toMatch(/^ +window:1024 +\d+ µs/);
  expect(others.find((line) => line.includes("gated-delta-net"))).toMatch(
    /^ +gated-delta-net +failed: its process ended with signal SIGSEGV$/,
  );
});

it("is at most 120 columns wide, and puts a long reason below", () => {
  const reason = "its process ended: ".padEnd(300, "x");
  const records = studyFixture().map<StudyRecord>((record) =>
    record.record === "cell" && record.status === "failed" ? { ...record, reason } : record,
  );
  const lines = renderTable(records).split("\n");
  expect(Math.max(...lines.slice(0, -1).map((line) => line.length))).toBeLessThanOrEqual(120);
  expect(lines.at(-1)).toBe(`gated-delta-net, 512 tokens, failed: ${reason}`);
});
