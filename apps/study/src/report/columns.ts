import type { CellRecord, MeasuredCell } from "../study/record.ts";
import { bytes, digits, exponent, seconds, share } from "./units.ts";

/** A column of the table of cells, the same in the terminal and in the report. */
export interface Column {
  readonly title: string;
  readonly text: (cell: MeasuredCell) => string;
}

/** Columns after length and system. */
export function columnsFor(cells: readonly CellRecord[]): Column[] {
  const hasRetrieval = cells.some((cell) => cell.status === "measured" && cell.retrieval);
  return [
    { title: "time", text: (cell) => seconds(cell.medianMs) },
    { title: "min .. max", text: (cell) => `${seconds(cell.minMs)} .. ${seconds(cell.maxMs)}` },
    { title: "runs", text: (cell) => String(cell.runs) },
    { title: "GFLOP/s", text: (cell) => digits(cell.gflops) },
    { title: "peak memory", text: (cell) => bytes(cell.peakBytes) },
    { title: "by analysis", text: (cell) => bytes(cell.analyticBytes) },
    { title: "pairs visited", text: (cell) => share(cell.visitedPairs, cell.visiblePairs) },
    { title: "max error", text: (cell) => exponent(cell.maxAbsError) },
    ...(hasRetrieval ? [{ title: "retrieved", text: retrieved }] : []),
  ];
}

function retrieved({ retrieval }: MeasuredCell): string {
  return retrieval ? share(retrieval.correct, retrieval.scored) : "-";
}

/** Why a cell has no numbers. */
export function reasonText(cell: CellRecord): string {
  if (cell.status === "measured") return "";
  const words = { "too-large": "too large", "too-slow": "too slow", "not-compared": "not compared", failed: "failed" };
  return `${words[cell.status]}: ${cell.reason}`;
}
