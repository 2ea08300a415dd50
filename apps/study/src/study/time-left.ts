import type { CellKey } from "../cells/record.ts";
import { seriesId } from "../grid/grid.ts";

/** What is known of how long cells take. */
export interface TimeLeft {
  /** A cell took so many seconds. */
  took(cell: CellKey, seconds: number): void;
  /** Seconds that these would take; undefined before anything is known. */
  secondsFor(cells: readonly CellKey[]): number | undefined;
}

/** Foretells from cells of the same series by the ratio of lengths, else from the mean of those of that length, else of all. */
export function timeLeft(cellSeconds: number): TimeLeft {
  const finished: { readonly cell: CellKey; readonly seconds: number }[] = [];
  const expected = (cell: CellKey): number => {
    const last = finished.findLast((each) => seriesId(each.cell) === seriesId(cell));
    if (last !== undefined) return Math.min(cellSeconds, (last.seconds * cell.length) / last.cell.length);
    const alike = finished.filter((each) => each.cell.length === cell.length);
    const among = alike.length > 0 ? alike : finished;
    return among.reduce((sum, { seconds }) => sum + seconds, 0) / among.length;
  };
  return {
    took: (cell, seconds) => void finished.push({ cell, seconds }),
    secondsFor: (cells) => (finished.length === 0 ? undefined : cells.reduce((sum, cell) => sum + expected(cell), 0)),
  };
}
