import type { StudyRecord } from "../cells/record.ts";
import type { Limits } from "../conclusions/conclude.ts";
import { studyJson } from "../report/results.ts";
import { summarize } from "../report/summary.ts";
import { renderTable } from "../report/terminal-table.ts";
import { writeReport } from "../report/write-report.ts";

/** Writes the report of a study into its folder, and prints the table, what the study says and where its files are. */
export async function showResults(folder: string, records: readonly StudyRecord[], limits?: Limits): Promise<void> {
  const files = await writeReport(folder, records, limits);
  const summary = summarize(studyJson(records, limits)).join("\n");
  const paths = `report    ${files.page}\nmarkdown  ${files.markdown}\nnumbers   ${files.csv}`;
  process.stdout.write(`${[renderTable(records), summary, paths].join("\n\n")}\n`);
}

/** Prints study, machines, cells and conclusions for programs. */
export function printJson(records: readonly StudyRecord[], limits?: Limits): void {
  process.stdout.write(`${JSON.stringify(studyJson(records, limits), undefined, 2)}\n`);
}
