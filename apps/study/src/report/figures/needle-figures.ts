import type { Figure } from "../charts/figure.ts";
import { drawHeatMap, type HeatCell } from "../charts/heat-map.ts";
import { percent, tokens } from "../units.ts";
import { idOf, type NamedSeries, titleOf, type View } from "./view.ts";

/** A heat map of depth and length for each series that looked for needles. */
export function needleFigures(view: View): Figure[] {
  return view.series.flatMap((series, at) => {
    const depths = [...new Set(series.cells.flatMap((cell) => cell.needles.map((needle) => needle.depth)))].sort(
      (a, b) => a - b,
    );
    if (depths.length === 0) return [];
    const cells = view.results.study.grid.lengths.flatMap((length) =>
      depths.map((depth) => heatCell(series, length, depth)),
    );
    const title = titleOf(view, series.needsTraining ? `${series.name} (needs training)` : series.name);
    const description = `Needles found by ${series.name}. ${series.cells
      .filter((cell) => cell.needles.length > 0)
      .map((cell) => {
        const [found, trials] = totals(cell.needles);
        return `${tokens(cell.length)}: ${percent(found / trials)}`;
      })
      .join("; ")}.`;
    return [
      {
        id: idOf(view, `needles-${at + 1}`),
        title,
        description,
        caption: "",
        draw: (width: number) => drawHeatMap(cells, width, description),
        table: {
          head: ["depth", ...view.results.study.grid.lengths.map(tokens)],
          rows: depths.map((depth) => [
            percent(depth),
            ...cells
              .filter((cell) => cell.depth === depth)
              .map((cell) => (cell.rate === undefined ? "–" : percent(cell.rate))),
          ]),
        },
        legend: [],
      },
    ];
  });
}

function heatCell(series: NamedSeries, length: number, depth: number): HeatCell {
  const needle = series.cells.find((cell) => cell.length === length)?.needles.find((each) => each.depth === depth);
  const where = `${series.name}\n${tokens(length)} tokens, depth ${percent(depth)}`;
  if (needle === undefined || needle.trials === 0)
    return { length, depth, rate: undefined, title: `${where}: not measured` };
  return { length, depth, rate: needle.found / needle.trials, title: `${where}: ${needle.found} of ${needle.trials}` };
}

/** Needles found, and looked for. */
export function totals(needles: readonly { readonly found: number; readonly trials: number }[]): [number, number] {
  return [
    needles.reduce((sum, needle) => sum + needle.found, 0),
    needles.reduce((sum, needle) => sum + needle.trials, 0),
  ];
}
