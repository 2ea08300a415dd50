import Table from "cli-table3";
import type { CellRecord, StudyRecord } from "../cells/record.ts";
import { cellColumns, keyColumns } from "./cell-columns.ts";
import { nameOf, reasonText } from "./names.ts";
import { resultsOf } from "./results.ts";
import { tokens } from "./units.ts";

/** The cells as a table of plain text: each length once, and why a cell was not measured. Long reasons follow below. */
export function renderTable(records: readonly StudyRecord[]): string {
  const results = resultsOf(records);
  const keys = keyColumns(results);
  const columns = cellColumns(results.cells).filter((column) => IN_TERMINAL.includes(column.title));
  const table = new Table({
    head: [...keys, ...columns].map((column) => column.title),
    colAligns: [...keys, ...columns].map((column) => (column.kind === "number" ? "right" : "left")),
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2, compact: true },
    chars: BORDERLESS,
  });
  let before: CellRecord | undefined;
  for (const cell of results.cells) {
    const names = keys.map((key, at) => (at === 0 && before?.length === cell.length ? "" : key.text(cell)));
    before = cell;
    table.push(
      cell.status === "measured"
        ? [...names, ...columns.map((column) => column.text(cell))]
        : [...names, { content: shorten(reasonText(cell)), colSpan: Math.max(1, columns.length), hAlign: "left" }],
    );
  }
  const lines = table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
  const long = results.cells.filter((cell) => reasonText(cell).length > REASON_WIDTH);
  return [
    ...lines,
    ...long.map((cell) => `${nameOf(results, cell)}, ${tokens(cell.length)} tokens, ${reasonText(cell)}`),
  ].join("\n");
}

/** What fits in about 120 columns; the files have the rest. */
const IN_TERMINAL = [
  "time",
  "±",
  "tokens/s",
  "of peak",
  "memory",
  "step",
  "cache",
  "error",
  "mass",
  "needles",
  "tasks",
];

/** Longer reasons would widen the columns that they span. */
const REASON_WIDTH = 72;

function shorten(reason: string): string {
  return reason.length > REASON_WIDTH ? `${reason.slice(0, REASON_WIDTH - 1)}…` : reason;
}

const BORDERLESS = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "",
};
