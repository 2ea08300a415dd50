import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { CellRecord, MeasuredCell } from "../study/record.ts";
import { bytes, seconds } from "./units.ts";

/** A quantity drawn over length. */
export interface Chart {
  readonly title: string;
  readonly value: (cell: MeasuredCell) => number;
  readonly tick: (value: number) => string;
}

export const TIME: Chart = { title: "Median time of a call", value: (cell) => cell.medianMs, tick: seconds };
export const MEMORY: Chart = {
  title: "Peak memory beyond the inputs",
  value: (cell) => cell.peakBytes,
  tick: bytes,
};

interface Point {
  readonly system: string;
  readonly length: number;
  readonly value: number;
}

/** Draws one line per system over length, both axes logarithmic, as an SVG file's text. Undefined when nothing was measured. */
export function drawChart(cells: readonly CellRecord[], chart: Chart): string | undefined {
  const points: Point[] = cells
    .filter((cell) => cell.status === "measured")
    .map((cell) => ({ system: cell.system, length: cell.length, value: chart.value(cell) }))
    .filter((point) => point.value > 0);
  if (points.length === 0) return undefined;
  const { document } = parseHTML("<html><body></body></html>");
  const lengths = [...new Set(points.map((point) => point.length))];
  const lastOfEach = points.filter((point) => points.findLast((other) => other.system === point.system) === point);
  const drawn = Plot.plot({
    document,
    width: 720,
    height: 420,
    marginLeft: 70,
    marginRight: 90,
    style: { background: "white", fontFamily: "sans-serif", fontSize: "12px" },
    x: { type: "log", base: 2, label: "tokens", ticks: lengths, tickFormat: (length: number) => String(length) },
    y: { type: "log", label: chart.title, grid: true, ticks: 5, tickFormat: chart.tick },
    color: { scheme: "Observable10" },
    marks: [
      Plot.line(points, { x: "length", y: "value", stroke: "system", strokeWidth: 2 }),
      Plot.dot(points, { x: "length", y: "value", fill: "system", r: 3.5 }),
      Plot.text(lastOfEach, {
        x: "length",
        y: "value",
        text: "system",
        fill: "system",
        textAnchor: "start",
        dx: 10,
        fontWeight: "bold",
      }),
    ],
  });
  drawn.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return drawn.outerHTML;
}
