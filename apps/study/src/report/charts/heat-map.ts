import * as Plot from "@observablehq/plot";
import { percent, tokens } from "../units.ts";
import { lengthTicks } from "./log-ticks.ts";
import { drawSvg } from "./svg.ts";

export interface HeatCell {
  readonly length: number;
  readonly depth: number;
  /** 0..1; undefined where it was not measured. */
  readonly rate: number | undefined;
  readonly title: string;
}

/** Draws shares over length and depth as coloured cells with their numbers. Cells without one have a dash. */
export function drawHeatMap(cells: readonly HeatCell[], width: number, description: string): string {
  const depths = [...new Set(cells.map((cell) => cell.depth))].sort((a, b) => a - b);
  const lengths = [...new Set(cells.map((cell) => cell.length))].sort((a, b) => a - b);
  const size = (width - 56) / lengths.length;
  const measured = cells.filter((cell) => cell.rate !== undefined);
  const missing = cells.filter((cell) => cell.rate === undefined);
  const at = { x: "length", y: "depth" } as const;
  const text = { ...at, fontSize: size < 30 ? 9 : 10.5 };
  return drawSvg(
    {
      width,
      height: 40 + depths.length * Math.min(26, Math.max(18, size)),
      marginLeft: 54,
      marginRight: 2,
      marginTop: 4,
      marginBottom: 36,
      padding: 0.06,
      style: { fontSize: "11px" },
      x: {
        type: "band",
        domain: lengths,
        label: "tokens",
        ticks: lengthTicks(lengths, 1.25 * size * lengths.length),
        tickFormat: tokens,
        tickSize: 0,
      },
      y: {
        type: "band",
        domain: depths,
        label: "depth",
        labelAnchor: "center",
        labelArrow: "none",
        labelOffset: 50,
        tickFormat: percent,
        tickSize: 0,
      },
      color: { type: "linear", scheme: "Cividis", domain: [0, 1] },
      marks: [
        Plot.cell(measured, { ...at, fill: "rate", title: "title" }),
        Plot.text(measured, {
          ...text,
          text: (cell: HeatCell) => String(Math.round(100 * (cell.rate ?? 0))),
          fill: (cell: HeatCell) => ((cell.rate ?? 0) > 0.55 ? "#000000" : "#ffffff"),
          pointerEvents: "none",
        }),
        Plot.cell(missing, { ...at, fill: "none", stroke: "var(--line)", title: "title" }),
        Plot.text(missing, { ...text, text: () => "–", fill: "var(--muted)", pointerEvents: "none" }),
      ],
    },
    description,
  );
}
