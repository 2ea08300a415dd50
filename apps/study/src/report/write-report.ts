import { candidate } from "@saccade/advisor";
import { join } from "node:path";
import type { StudyRecord } from "../cells/record.ts";
import type { Limits } from "../conclusions/conclude.ts";
import { renderCsv } from "./csv.ts";
import { renderMarkdown } from "./markdown-report.ts";
import { renderPage } from "./page/page.ts";
import { pictureOf, type VariantPicture } from "./pictures/variant-picture.ts";
import { type StudyJson, studyJson } from "./results.ts";
import { writeWhole } from "../results/whole-file.ts";

/** Where the files of a report are. */
export interface ReportFiles {
  readonly page: string;
  readonly markdown: string;
  readonly csv: string;
}

/**
 * Writes `report.html`, `report.md` and `cells.csv` into a folder that exists. Each file is written beside its place and then renamed, so that
 * what is there is always whole; one that cannot be written leaves the earlier one as it was.
 *
 * @param limits Of the longest lengths; by default 1 GB and 10 s.
 * @throws Error in one line for what cannot be written; RangeError for records without a header.
 */
export async function writeReport(
  folder: string,
  records: readonly StudyRecord[],
  limits?: Limits,
): Promise<ReportFiles> {
  const results = studyJson(records, limits);
  const files = {
    page: join(folder, "report.html"),
    markdown: join(folder, "report.md"),
    csv: join(folder, "cells.csv"),
  };
  writeWhole(files.csv, renderCsv(results));
  writeWhole(files.markdown, renderMarkdown(results));
  writeWhole(files.page, renderPage(results, await picturesOf(results)));
  return files;
}

/** Of those variants that this version of the catalogue has and can run: results may come from another. */
async function picturesOf({ study }: StudyJson): Promise<Map<string, VariantPicture>> {
  const pictures = new Map<string, VariantPicture>();
  for (const id of study.grid.variants) {
    try {
      pictures.set(id, await pictureOf(candidate(id)));
    } catch {
      // The page says that there is none.
    }
  }
  return pictures;
}
