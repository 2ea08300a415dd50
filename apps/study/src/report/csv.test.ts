import { describe, expect, it } from "vitest";
import { studyFixture } from "../../test/study-fixture.ts";
import type { StudyRecord } from "../cells/record.ts";
import { renderCsv } from "./csv.ts";
import { resultsOf } from "./results.ts";

/** Reads what RFC 4180 describes, character by character. */
function parse(text: string): string[][] {
  const rows: string[][] = [];
  let [row, field, quoted] = [[] as string[], "", false];
  for (let at = 0; at < text.length; at++) {
    const here = text[at]!;
    if (quoted && here === '"' && text[at + 1] === '"') field += text[++at];
    else if (here === '"') quoted = !quoted;
    else if (!quoted && here === ",") [row, field] = [[...row, field], ""];
    else if (!quoted && here === "\r" && text[at + 1] === "\n") {
      rows.push([...row, field]);
      [row, field] = [[], ""];
      at++;
    } else field += here;
  }
  return rows;
}

describe("cells.csv", () => {
  const records = studyFixture();
  const rows = parse(renderCsv(resultsOf(records)));
  const [head, ...lines] = rows as [string[], ...string[][]];

  it("has a line for every cell, all as wide as the header, ending with CR LF", () => {
    expect(lines).toHaveLength(63);
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
    expect(new Set(head).size).toBe(head.length);
    expect(renderCsv(resultsOf(records)).endsWith("\r\n")).toBe(true);
  });

  it("has numbers as they were measured, and nothing where there is none", () => {
    const column = (name: string): number => head.indexOf(name);
    for (const cell of records) {
      if (cell.record !== "cell") continue;
      const line = lines.find((row) => row[0] === cell.variant && row[2] === String(cell.length))!;
      if (cell.status !== "measured") {
        expect(line[column("status")]).toBe(cell.status);
        expect(line[column("reason")]).toBe(cell.reason);
        expect(line.slice(column("ran_on")).every((field) => field === "")).toBe(true);
        continue;
      }
      expect(Number(line[column("median_ms")])).toBe(cell.prefill.medianMs);
      expect(Number(line[column("peak_bytes")])).toBe(cell.memory.peakBytes);
      expect(Number(line[column("needles_found_at_0.25")])).toBe(cell.needles[1]?.found);
      expect(Number(line[column("task_multi_key")])).toBe(cell.tasks[1]?.score);
      expect(line[column("mass_recall")] === "").toBe(cell.accuracy?.massRecall === undefined);
    }
  });

  it("keeps commas, quotes and line breaks of a reason", () => {
    const reason = 'it said "no, never",\r\nand ended';
    const cell = records.find((record) => record.record === "cell" && record.status === "failed");
    const changed = records.map<StudyRecord>((record) =>
      record === cell ? ({ ...record, reason } as StudyRecord) : record,
    );
    expect(parse(renderCsv(resultsOf(changed))).flat()).toContain(reason);
  });
});
