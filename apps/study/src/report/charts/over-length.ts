import * as Plot from "@observablehq/plot";
import type { Appearance } from "../appearance.ts";
import { tokens } from "../units.ts";
import { lengthTicks, logDomain, logScale, logTicks, timeTicks } from "./log-ticks.ts";
import { spreadApart } from "./label-places.ts";
import { dotStyle, drawSvg, leaderLine, lineStyle } from "./svg.ts";

/** A point of a line. */
export interface LinePoint {
  readonly length: number;
  readonly value: number;
  /** Shown when pointed at. */
  readonly title: string;
}

/** Between two values, at a length. */
export interface BandPoint {
  readonly length: number;
  readonly low: number;
  readonly high: number;
}

/** One series of a chart over length. */
export interface Line {
  readonly name: string;
  readonly look: Appearance;
  readonly points: readonly LinePoint[];
  /** An interval, drawn as an area. */
  readonly band?: readonly BandPoint[] | undefined;
  /** Where it would go on, dotted. */
  readonly beyond?: readonly Omit<LinePoint, "title">[] | undefined;
  /** What analysis says, thin and dotted. */
  readonly analytic?: readonly Omit<LinePoint, "title">[] | undefined;
  /** How far single values were from it, drawn as thin upright lines. */
  readonly spans?: readonly BandPoint[] | undefined;
}

export interface OverLength {
  readonly lines: readonly Line[];
  readonly unit: string;
  readonly tick: (value: number) => string;
  /** `"share"`: linear, 0 to 100%. `"time"`: logarithmic, milliseconds. */
  readonly scale: "log" | "time" | "share";
}

const LABEL_LETTER = 7.3;
const LINE_GAP = 13;
/** Narrower charts have no names beside their lines; the legend has them. */
const WIDE = 560;

/** Draws lines over length, which is on a logarithmic axis. */
export function drawOverLength({ lines, unit, tick, scale }: OverLength, width: number, description: string): string {
  const wide = width >= WIDE;
  const longestName = Math.max(...lines.map((line) => line.name.length));
  const margins = { left: wide ? 62 : 54, right: wide ? 26 + longestName * LABEL_LETTER : 14, top: 26, bottom: 38 };
  const height = wide ? Math.max(360, 60 + lines.length * LINE_GAP) : 300;
  const lengths = [...new Set(lines.flatMap((line) => line.points.map((point) => point.length)))].sort((a, b) => a - b);
  const ends = lines.flatMap((line) => [...line.points, ...(line.beyond ?? [])].map((point) => point.length));
  const [shortest, longest] = [Math.min(...lengths), Math.max(...ends)];
  const xDomain: [number, number] = shortest === longest ? [shortest / 2, longest * 2] : [shortest, longest];
  const xRange: [number, number] = [margins.left, width - margins.right];
  const yRange: [number, number] = [height - margins.bottom, margins.top];
  const shown = lines.flatMap((line) => [
    ...line.points.map((point) => point.value),
    ...(line.beyond ?? []).map((point) => point.value),
    ...(line.analytic ?? []).map((point) => point.value),
    ...(line.spans ?? []).map((span) => span.high),
  ]);
  const yDomain: [number, number] = scale === "share" ? [0, 1] : logDomain(shown);
  const yPixel = (value: number): number => {
    const part = scale === "share" ? value : Math.log(value / yDomain[0]) / Math.log(yDomain[1] / yDomain[0]);
    return yRange[0] + part * (yRange[1] - yRange[0]);
  };
  return drawSvg(
    {
      width,
      height,
      marginLeft: margins.left,
      marginRight: margins.right,
      marginTop: margins.top,
      marginBottom: margins.bottom,
      style: { fontSize: "12px", overflow: "visible" },
      x: {
        ...logScale(xDomain, lengthTicks(lengths, xRange[1] - xRange[0]), tokens),
        label: "tokens",
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
      },
      y: {
        ...(scale === "share"
          ? { domain: yDomain, ticks: [0, 0.25, 0.5, 0.75, 1], tickFormat: tick }
          : logScale(yDomain, scale === "time" ? timeTicks(yDomain) : logTicks(yDomain), tick)),
        label: unit,
        grid: true,
      },
      marks: [
        ...lines.flatMap((line, at) =>
          marksOf(line, { opacity: Math.min(0.12, 0.45 / lines.length), shift: 2 * at - lines.length + 1 }),
        ),
        ...(wide ? labels(lines, xDomain[1], { xRange, yRange, yPixel }) : []),
      ],
    },
    description,
  );
}

/** How marks of many lines stay apart: bands lie over each other, spans beside each other, `shift` in pixels. */
interface Apart {
  readonly opacity: number;
  readonly shift: number;
}

function marksOf({ look, points, band, beyond, analytic, spans }: Line, { opacity, shift }: Apart): Plot.Markish[] {
  const at = { x: "length", y: "value" } as const;
  return [
    ...(band
      ? [Plot.areaY(band, { x: "length", y1: "low", y2: "high", fill: look.color, fillOpacity: opacity, clip: true })]
      : []),
    ...(analytic ? [Plot.line(analytic, { ...at, stroke: look.color, strokeWidth: 1, strokeDasharray: "1 3" })] : []),
    ...(beyond ? [Plot.line(beyond, { ...at, stroke: look.color, strokeWidth: 1.25, strokeDasharray: "2 4" })] : []),
    ...(spans
      ? [Plot.ruleX(spans, { x: "length", y1: "low", y2: "high", dx: shift, stroke: look.color, strokeWidth: 1 })]
      : []),
    Plot.line(points, { ...at, ...lineStyle(look) }),
    Plot.dot(points, { ...at, ...dotStyle(look), title: "title" }),
  ];
}

/** Names at the ends of the lines, apart from each other, with a thin line to where each belongs. */
function labels(
  lines: readonly Line[],
  right: number,
  { xRange, yRange, yPixel }: { xRange: [number, number]; yRange: [number, number]; yPixel: (value: number) => number },
): Plot.Markish[] {
  const last = lines.map((line) => {
    const points = line.beyond && line.beyond.length > 0 ? line.beyond : line.points;
    const end = points.reduce((longest, point) => (point.length >= longest.length ? point : longest));
    return { length: end.length, value: end.value };
  });
  const places = spreadApart(
    last.map((end) => yPixel(end.value)),
    LINE_GAP,
    [yRange[1], yRange[0]],
  );
  // Offsets in pixels from the right end of the axis, since scales are not known to marks.
  return lines.flatMap((line, i) => {
    const [end, y] = [last[i], places[i]];
    if (end === undefined || y === undefined) return [];
    const shift = y - yPixel(end.value);
    return [
      Plot.arrow([end], {
        x1: "length",
        y1: "value",
        x2: () => right,
        y2: "value",
        stroke: line.look.color,
        strokeWidth: 0.75,
        strokeOpacity: 0.6,
        headLength: 0,
        strokeDasharray: "1 2",
      }),
      Plot.text([end], {
        x: () => right,
        y: "value",
        dx: 18,
        dy: shift,
        text: () => line.name,
        fill: line.look.color,
        textAnchor: "start",
        fontWeight: 600,
        fontSize: 11.5,
      }),
      leaderLine([xRange[1] + 5, yPixel(end.value)], [xRange[1] + 15, y], line.look.color),
    ];
  });
}
