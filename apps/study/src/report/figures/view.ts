import type { MeasuredCell } from "../../cells/record.ts";
import type { Conclusions } from "../../conclusions/conclude.ts";
import { type Series, seriesOf } from "../../conclusions/series.ts";
import { type Appearance, appearanceOf } from "../appearance.ts";
import type { LegendEntry, TableData } from "../charts/figure.ts";
import { legendKey } from "../charts/svg.ts";
import { nameOf } from "../names.ts";
import type { StudyResults } from "../results.ts";
import { tokens } from "../units.ts";

/** A study on one of its inputs: what a set of charts is drawn from. */
export interface View {
  readonly results: StudyResults;
  readonly conclusions: Conclusions;
  readonly input: string;
  readonly series: readonly NamedSeries[];
}

export interface NamedSeries extends Series {
  readonly name: string;
  readonly look: Appearance;
  readonly needsTraining: boolean;
}

export function viewsOf(results: StudyResults, conclusions: Conclusions): View[] {
  const series = seriesOf(results.cells).map((each) => ({
    ...each,
    name: nameOf(results, each),
    look: appearanceOf(results, each),
    needsTraining: results.study.variants[each.variant]?.needsTraining === true,
  }));
  return Object.keys(results.study.grid.inputs).flatMap((input) => {
    const own = series.filter((each) => each.input === input);
    return own.length === 0 ? [] : [{ results, conclusions, input, series: own }];
  });
}

export function legendOf(series: readonly NamedSeries[]): LegendEntry[] {
  return series.map(({ name, look, needsTraining }) => ({
    name: needsTraining ? `${name} (needs training)` : name,
    key: legendKey(look),
  }));
}

/** An id that is unique in the page. */
export function idOf(view: View, name: string): string {
  const inputs = Object.keys(view.results.study.grid.inputs);
  return inputs.length > 1 ? `${name}-${inputs.indexOf(view.input) + 1}` : name;
}

/** "Time of a prefill", and on which input where there are several. */
export function titleOf(view: View, title: string): string {
  return Object.keys(view.results.study.grid.inputs).length > 1 ? `${title}, ${view.input}` : title;
}

/** Rows for series, columns for lengths. */
export function lengthTable(
  series: readonly NamedSeries[],
  text: (cell: MeasuredCell) => string | undefined,
): TableData {
  const lengths = [...new Set(series.flatMap((each) => each.cells.map((cell) => cell.length)))].sort((a, b) => a - b);
  return {
    head: ["variant", ...lengths.map(tokens)],
    rows: series.map((each) => [
      each.name,
      ...lengths.map((length) => {
        const cell = each.cells.find((one) => one.length === length);
        return (cell && text(cell)) ?? "–";
      }),
    ]),
  };
}
