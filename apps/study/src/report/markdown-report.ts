import { cellColumns, keyColumns } from "./cell-columns.ts";
import type { TableData } from "./charts/figure.ts";
import { conclusionTables } from "./conclusion-tables.ts";
import { reasonText } from "./names.ts";
import type { StudyJson } from "./results.ts";
import { settingsOf, VARIANT_HEAD, variantRows } from "./settings.ts";
import { summarize } from "./summary.ts";

/** A study as a page of Markdown: everything in words and tables; the charts are in report.html. */
export function renderMarkdown(results: StudyJson): string {
  const columns = cellColumns(results.cells);
  return [
    `# ${results.study.name}`,
    summarize(results)
      .map((sentence) => `- ${escapeText(sentence)}`)
      .join("\n"),
    "Charts are in `report.html`, numbers in `cells.csv` and `cells.jsonl`.",
    "## Variants",
    markdownTable({ head: VARIANT_HEAD, rows: variantRows(results) }),
    ...conclusionTables(results).flatMap((table) => [
      `## ${table.title}`,
      table.caption,
      table.rows.length > 0 ? markdownTable(table) : "None.",
      ...(table.more ? [`${table.more.title}: in \`report.html\`, and with \`--json\`.`] : []),
    ]),
    "## Cells",
    markdownTable(cellTable(results)),
    columns.map(({ title, meaning }) => `_${title}_: ${meaning}.`).join(" "),
    "## To repeat it",
    ...settingsOf(results).flatMap(({ title, rows }) => [
      `### ${title}`,
      markdownTable({
        head: ["", ""],
        rows: rows.map(([name, value]) => [name, name === "command" ? `\`${value}\`` : value]),
      }),
    ]),
    "",
  ].join("\n\n");
}

function cellTable(results: StudyJson): TableData {
  const keys = keyColumns(results);
  const columns = cellColumns(results.cells);
  return {
    head: [...keys, ...columns].map((column) => column.title),
    rows: results.cells.map((cell) => [
      ...keys.map((key) => key.text(cell)),
      ...(cell.status === "measured" ? columns.map((column) => column.text(cell)) : [reasonText(cell)]),
    ]),
  };
}

function markdownTable({ head, rows }: TableData): string {
  const line = (cells: readonly string[]): string =>
    `| ${head.map((_, at) => cellText(cells[at] ?? "")).join(" | ")} |`;
  return [line(head), `| ${head.map(() => "---").join(" | ")} |`, ...rows.map(line)].join("\n");
}

/** A line break would end the row. */
function cellText(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll(/\s*[\r\n]+\s*/g, " ");
}

/** What would make emphasis of a name. */
function escapeText(text: string): string {
  return text.replaceAll(/[*_<]/g, String.raw`\$&`);
}
