import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { StudyRecord } from "../study/record.ts";
import type { StudyResult } from "../study/run-study.ts";
import { type ChartFile, renderMarkdown } from "./markdown.ts";
import { drawChart, MEMORY, TIME } from "./plot.ts";

/** The files of one study, all named after the time at which it started. */
export interface ResultFiles {
  readonly jsonLines: string;
  readonly report: string;
  /** Appends a line as soon as it is known, so that a study that is interrupted leaves what it found. */
  append(record: StudyRecord): void;
  /** Writes the report and its charts. */
  finish(result: StudyResult): void;
}

/** @param date ISO 8601; becomes part of the names, to the second. */
export function resultFiles(folder: string, date: string): ResultFiles {
  mkdirSync(folder, { recursive: true });
  const stem = join(folder, `study-${date.slice(0, 19).replaceAll(":", "").replace("T", "-")}`);
  const jsonLines = `${stem}.jsonl`;
  const report = `${stem}.md`;
  writeFileSync(jsonLines, "");
  return {
    jsonLines,
    report,
    append: (record) => appendFileSync(jsonLines, `${JSON.stringify(record)}\n`),
    finish({ header, cells }) {
      const charts: ChartFile[] = [];
      for (const [name, chart] of [
        ["time", TIME],
        ["memory", MEMORY],
      ] as const) {
        const svg = drawChart(cells, chart);
        if (svg === undefined) continue;
        writeFileSync(`${stem}-${name}.svg`, svg);
        charts.push({ title: `${chart.title} over length`, file: `${basename(stem)}-${name}.svg` });
      }
      writeFileSync(report, renderMarkdown(header, cells, charts));
    },
  };
}
