import Table from "cli-table3";
import type { CellRecord } from "../study/record.ts";
import { columnsFor, reasonText } from "./columns.ts";

/** The cells as a table of plain text. */
export function renderTable(cells: readonly CellRecord[]): string {
  const columns = columnsFor(cells);
  const table = new Table({
    head: ["length", "system", ...columns.map((column) => column.title)],
    colAligns: ["right", "left", ...columns.map(() => "right" as const)],
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2, compact: true },
    chars: BORDERLESS,
  });
  let length: number | undefined;
  for (const cell of cells) {
    const shown = cell.length === length ? "" : String(cell.length);
    length = cell.length;
    table.push(
      cell.status === "measured"
        ? [shown, cell.system, ...columns.map((column) => column.text(cell))]
        : [shown, cell.system, { content: shorten(reasonText(cell)), colSpan: columns.length, hAlign: "left" }],
    );
  }
  const lines = table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd());
  const long = cells.filter((cell) => reasonText(cell).length > REASON_WIDTH);
  return [...lines, ...long.map((cell) => `${cell.system}, ${cell.length} tokens, ${reasonText(cell)}`)].join("\n");
}

/** Longer reasons would widen the columns that they span; they follow below the table. */
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
