import Table from "cli-table3";
import type { CellRecord } from "../study/record.ts";
import { columnsFor, reasonText } from "./columns.ts";

/** The cells as a table of plain text, a blank line between lengths. */
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
        : [shown, cell.system, { content: reasonText(cell), colSpan: columns.length, hAlign: "left" }],
    );
  }
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
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
