import type { Accuracy, MeasuredCell, TaskScore } from "../../cells/record.ts";
import { FARTHEST } from "../../conclusions/crossover.ts";
import type { QuantityName } from "../../conclusions/series.ts";
import { valueAt } from "../../conclusions/power-law.ts";
import type { Figure } from "../charts/figure.ts";
import { type BandPoint, drawOverLength, type Line, type LinePoint, type OverLength } from "../charts/over-length.ts";
import { brief, bytes, error, percent, seconds, tokens } from "../units.ts";
import { idOf, legendOf, lengthTable, type NamedSeries, titleOf, type View } from "./view.ts";
import { wilson } from "./wilson.ts";

/** A number of a cell, where it has it. */
interface Measure {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  readonly scale: OverLength["scale"];
  readonly tick: (value: number) => string;
  readonly value: (cell: MeasuredCell) => number | undefined;
  /** Of a value in tables and tooltips; `tick` by default. */
  readonly text?: (cell: MeasuredCell) => string | undefined;
  readonly caption: string;
  readonly law?: QuantityName;
  readonly analytic?: (cell: MeasuredCell) => number;
  /** What is shaded around the value. */
  readonly interval?: (cell: MeasuredCell) => readonly [number, number] | undefined;
  readonly span?: (cell: MeasuredCell) => readonly [number, number] | undefined;
}

const LAW_CAPTION =
  "Dotted lines go on beyond what was measured by the power law of the longer half of the lengths; shaded is its 95% band.";

const COSTS: readonly Measure[] = [
  {
    id: "time",
    title: "Time of a prefill",
    unit: "median time",
    scale: "time",
    tick: seconds,
    value: (cell) => cell.prefill.medianMs,
    text: ({ prefill }) => `${seconds(prefill.medianMs)} ± ${percent(prefill.rme)}`,
    caption: LAW_CAPTION,
    law: "time",
  },
  {
    id: "memory",
    title: "Peak memory of a prefill beyond its inputs",
    unit: "bytes",
    scale: "log",
    tick: bytes,
    value: (cell) => cell.memory.peakBytes,
    text: ({ memory }) => `${bytes(memory.peakBytes)} (${bytes(memory.planBytes)})`,
    caption: `Thin dotted lines, and the numbers in brackets: output and workspace by analysis, without the runtime. ${LAW_CAPTION}`,
    law: "memory",
    analytic: (cell) => cell.memory.planBytes,
  },
];

const DECODING: readonly Measure[] = [
  {
    id: "decode",
    title: "Latency of a decoding step",
    unit: "median time",
    scale: "time",
    tick: seconds,
    value: (cell) => cell.decode?.medianMs,
    text: ({ decode }) => decode && `${seconds(decode.medianMs)} (${seconds(decode.p99Ms)})`,
    caption:
      "After as many tokens as the axis says. Upright lines, and the numbers in brackets, reach to the 99th percentile.",
    span: ({ decode }) => decode && [decode.medianMs, decode.p99Ms],
  },
  {
    id: "cache",
    title: "Cache of a decoder",
    unit: "bytes",
    scale: "log",
    tick: bytes,
    value: (cell) => cell.decode?.cacheBytes,
    caption: "Bytes that a decoder keeps after as many tokens, f32.",
  },
];

const ACCURACY: readonly Measure[] = [
  {
    id: "error",
    title: "Distance from dense attention",
    unit: "relative L2 error",
    scale: "log",
    tick: error,
    value: (cell) => cell.accuracy?.relativeL2,
    text: ({ accuracy }) =>
      accuracy && `${error(accuracy.relativeL2)} (cosine ${accuracy.cosine.toFixed(4)}${notFinite(accuracy)})`,
    caption:
      "Against dense attention in float64 on sampled query rows. The distance of variants that need training says nothing about their quality.",
  },
  {
    id: "mass",
    title: "Attention mass recall",
    unit: "share of dense attention's mass",
    scale: "share",
    tick: percent,
    value: (cell) => cell.accuracy?.massRecall,
    interval: (cell) => extremes(cell.accuracy?.massRecallByHead),
    caption:
      "Share of dense attention's mass on keys that the variant sees. Shaded: from the query head that keeps least to the one that keeps most.",
  },
  {
    id: "retrieval",
    title: "Retrieval on text",
    unit: "next tokens retrieved",
    scale: "share",
    tick: percent,
    value: ({ retrieval }) => share(retrieval?.correct, retrieval?.scored),
    text: ({ retrieval }) => retrieval && `${percent(retrieval.correct / retrieval.scored)} of ${retrieval.scored}`,
    interval: ({ retrieval }) => retrieval && wilson(retrieval.correct, retrieval.scored),
    caption: "How often the output of an induction head names the token that followed. Shaded: 95% interval (Wilson).",
  },
  {
    id: "far-retrieval",
    title: "Retrieval from far away on text",
    unit: "next tokens retrieved",
    scale: "share",
    tick: percent,
    value: ({ retrieval }) => share(retrieval?.farCorrect, retrieval?.farScored),
    text: ({ retrieval }) =>
      retrieval && retrieval.farScored > 0
        ? `${percent(retrieval.farCorrect / retrieval.farScored)} of ${retrieval.farScored}`
        : undefined,
    interval: ({ retrieval }) => retrieval && wilson(retrieval.farCorrect, retrieval.farScored),
    caption: "The same where the nearest token to retrieve is more than an eighth of the length away.",
  },
  {
    id: "tasks",
    title: "Tasks like RULER's",
    unit: "mean score",
    scale: "share",
    tick: percent,
    value: (cell) => meanScore(cell.tasks),
    text: (cell) =>
      cell.tasks.length > 0
        ? `${percent(meanScore(cell.tasks) ?? 0)} (${cell.tasks.map((each) => `${each.task} ${percent(each.score)}`).join(", ")})`
        : undefined,
    interval: (cell) => {
      const trials = cell.tasks.reduce((sum, task) => sum + task.trials, 0);
      return wilson((meanScore(cell.tasks) ?? 0) * trials, trials);
    },
    caption:
      "Mean over the tasks: single, multi-key and multi-value needles, variable tracking. Shaded: 95% interval (Wilson).",
  },
];

export const costFigures = (view: View): Figure[] => COSTS.flatMap((measure) => figureOf(view, measure));
export const decodeFigures = (view: View): Figure[] => DECODING.flatMap((measure) => figureOf(view, measure));
export const accuracyFigures = (view: View): Figure[] => ACCURACY.flatMap((measure) => figureOf(view, measure));

/** None where no cell has the number. */
function figureOf(view: View, measure: Measure): Figure[] {
  const lines = view.series.flatMap((series) => {
    const line = lineOf(view, series, measure);
    return line.points.length === 0 ? [] : [{ series, line }];
  });
  if (lines.length === 0) return [];
  const series = lines.map((each) => each.series);
  const title = titleOf(view, measure.title);
  const { unit, tick, scale } = measure;
  const description = describe(
    title,
    lines.map((each) => each.line),
    tick,
  );
  const onAxis = (value: number): string => brief(tick(value));
  return [
    {
      id: idOf(view, measure.id),
      title,
      description,
      caption: measure.caption,
      draw: (width) =>
        drawOverLength({ lines: lines.map((each) => each.line), unit, tick: onAxis, scale }, width, description),
      table: lengthTable(series, (cell) => textOf(measure, cell)),
      legend: legendOf(series),
    },
  ];
}

function textOf({ text, tick, value }: Measure, cell: MeasuredCell): string | undefined {
  const number = value(cell);
  return number === undefined ? undefined : text ? text(cell) : tick(number);
}

function lineOf(view: View, series: NamedSeries, measure: Measure): Line {
  const points: LinePoint[] = series.cells.flatMap((cell) => {
    const value = measure.value(cell);
    if (value === undefined || !Number.isFinite(value) || (measure.scale !== "share" && value <= 0)) return [];
    return [
      {
        length: cell.length,
        value,
        title: `${series.name}\n${tokens(cell.length)} tokens: ${textOf(measure, cell) ?? ""}`,
      },
    ];
  });
  return {
    name: series.name,
    look: series.look,
    points,
    band: bandOf(series, measure.interval),
    spans: bandOf(series, measure.span),
    ...(measure.law ? lawOf(view, series, measure.law) : {}),
    ...(measure.analytic
      ? { analytic: series.cells.map((cell) => ({ length: cell.length, value: measure.analytic?.(cell) ?? 0 })) }
      : {}),
  };
}

function bandOf(series: NamedSeries, interval: Measure["interval"]): BandPoint[] | undefined {
  if (interval === undefined) return undefined;
  return series.cells.flatMap((cell) => {
    const ends = interval(cell);
    return ends === undefined ? [] : [{ length: cell.length, low: ends[0], high: ends[1] }];
  });
}

/** The band of the law that says how a series goes on, and the line beyond its last point, both up to the end of the grid or twice as far. */
function lawOf(view: View, series: NamedSeries, quantity: QuantityName): Pick<Line, "band" | "beyond"> {
  const growth = view.conclusions.growth.find(
    (each) =>
      each.quantity === quantity &&
      each.variant === series.variant &&
      each.input === series.input &&
      each.runtime === series.runtime &&
      each.machine === series.machine,
  );
  const law = growth?.tail ?? growth?.law;
  const last = series.cells.at(-1);
  if (law === undefined || last === undefined) return {};
  const longest = Math.max(...view.series.flatMap((each) => each.cells.map((cell) => cell.length)));
  const end = Math.min(FARTHEST * law.to, Math.max(2 * longest, ...view.results.study.grid.lengths));
  const steps = (from: number, count: number): number[] =>
    Array.from({ length: count + 1 }, (_, i) => from * (end / from) ** (i / count));
  return {
    band: steps(law.from, 24).map((length) => {
      const [low, high] = valueAt(law, length, "line").interval;
      return { length, low, high };
    }),
    beyond: steps(law.to, 1).map((length) => ({ length, value: valueAt(law, length, "line").value })),
  };
}

function describe(title: string, lines: readonly Line[], tick: (value: number) => string): string {
  const parts = lines.map(({ name, points }) => {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) return name;
    return first === last
      ? `${name}: ${tick(first.value)} at ${tokens(first.length)}`
      : `${name}: ${tick(first.value)} at ${tokens(first.length)} to ${tick(last.value)} at ${tokens(last.length)}`;
  });
  return `${title} over length in tokens. ${parts.join("; ")}.`;
}

function share(part: number | undefined, of: number | undefined): number | undefined {
  return part === undefined || of === undefined || of === 0 ? undefined : part / of;
}

function meanScore(scores: readonly TaskScore[]): number | undefined {
  return scores.length === 0 ? undefined : scores.reduce((sum, each) => sum + each.score, 0) / scores.length;
}

/** The least and the greatest. */
function extremes(values: readonly number[] | undefined): [number, number] | undefined {
  return values === undefined || values.length < 2 ? undefined : [Math.min(...values), Math.max(...values)];
}

/** Outputs that are no numbers, which count as zeros: seldom, and then worth a word. */
function notFinite({ notFiniteRows, rows }: Accuracy): string {
  return notFiniteRows > 0 ? `, ${notFiniteRows} of ${rows} rows not finite` : "";
}
