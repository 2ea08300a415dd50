import * as Plot from "@observablehq/plot";
import type { Appearance } from "../appearance.ts";
import { type Place, placeLabels } from "./label-places.ts";
import { logDomain, logScale, logTicks } from "./log-ticks.ts";
import { dotStyle, drawSvg, leaderLine, lineStyle } from "./svg.ts";

export interface ScatterPoint {
  readonly x: number;
  readonly y: number;
  /** Shown when pointed at. */
  readonly title: string;
}

/** Points of a variant: joined in their order, the last one named. */
export interface Trail {
  readonly name: string;
  readonly look: Appearance;
  readonly points: readonly ScatterPoint[];
}

/** A line that belongs to no variant: a ceiling, a frontier. */
export interface Guide {
  readonly name: string;
  readonly points: readonly { readonly x: number; readonly y: number }[];
  readonly curve: "linear" | "step-after";
}

export interface Scatter {
  readonly trails: readonly Trail[];
  readonly guides: readonly Guide[];
  readonly x: { readonly label: string; readonly tick: (value: number) => string };
  readonly y: { readonly label: string; readonly tick: (value: number) => string; readonly scale: "log" | "share" };
}

const WIDE = 560;

/** Draws points over two quantities, the horizontal axis logarithmic. */
export function drawScatter({ trails, guides, x, y }: Scatter, width: number, description: string): string {
  const wide = width >= WIDE;
  const height = wide ? 420 : 330;
  const margins = { left: wide ? 66 : 54, right: 18, top: 30, bottom: 40 };
  const all = [...trails, ...guides].flatMap((each) => each.points as readonly { x: number; y: number }[]);
  const xDomain = logDomain(all.map((point) => point.x));
  const yDomain: [number, number] = y.scale === "log" ? logDomain(all.map((point) => point.y)) : [0, 1.04];
  const xPixel = (value: number): number =>
    margins.left +
    (Math.log(value / xDomain[0]) / Math.log(xDomain[1] / xDomain[0])) * (width - margins.left - margins.right);
  const yPixel = (value: number): number => {
    const part =
      y.scale === "log"
        ? Math.log(value / yDomain[0]) / Math.log(yDomain[1] / yDomain[0])
        : (value - yDomain[0]) / (yDomain[1] - yDomain[0]);
    return height - margins.bottom - part * (height - margins.top - margins.bottom);
  };
  const named = trails.flatMap((trail) => {
    const end = trail.points.at(-1);
    return end ? [{ trail, end }] : [];
  });
  const others = trails.flatMap((trail) => trail.points.slice(0, -1));
  // Dots without a name take their place as well: labels are placed after them, with nothing to say.
  const places = placeLabels(
    [
      ...named.map(({ trail, end }) => ({ x: xPixel(end.x), y: yPixel(end.y), text: trail.name })),
      ...others.map((point) => ({ x: xPixel(point.x), y: yPixel(point.y), text: "" })),
    ],
    { left: margins.left + 2, right: width - 2, top: margins.top - 8, bottom: height - margins.bottom - 2 },
  );
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
        ...logScale(xDomain, logTicks(xDomain, wide ? 7 : 4), x.tick),
        label: x.label,
        labelAnchor: "center",
        labelArrow: "none",
        grid: true,
      },
      y: {
        ...(y.scale === "log"
          ? logScale(yDomain, logTicks(yDomain), y.tick)
          : { domain: yDomain, ticks: [0, 0.25, 0.5, 0.75, 1], tickFormat: y.tick }),
        label: y.label,
        grid: true,
      },
      marks: [
        ...guides.map((guide) =>
          Plot.line(guide.points, {
            x: "x",
            y: "y",
            curve: guide.curve,
            stroke: "var(--muted)",
            strokeWidth: 1.5,
            strokeDasharray: guide.curve === "linear" ? "none" : "4 3",
          }),
        ),
        ...(wide ? guides.flatMap((guide) => guideName(guide)) : []),
        ...trails.flatMap(({ look, points }) => [
          ...(points.length > 1
            ? [Plot.line(points, { x: "x", y: "y", ...lineStyle(look), strokeWidth: 1, strokeOpacity: 0.6 })]
            : []),
          Plot.dot(points, { x: "x", y: "y", ...dotStyle(look), title: "title" }),
        ]),
        ...(wide
          ? named.flatMap(({ trail, end }, i) => nameMarks(trail, end, places[i], [xPixel(end.x), yPixel(end.y)]))
          : []),
      ],
    },
    description,
  );
}

function nameMarks(
  trail: Trail,
  end: ScatterPoint,
  place: Place | undefined,
  [x, y]: [number, number],
): Plot.Markish[] {
  if (place === undefined) return [];
  const far = Math.abs(place.y - y) > 14;
  return [
    ...(far ? [leaderLine([x, y], [place.x, place.y], trail.look.color)] : []),
    Plot.text([end], {
      x: "x",
      y: "y",
      dx: place.x - x,
      dy: place.y - y,
      text: () => trail.name,
      fill: trail.look.color,
      stroke: "var(--page)",
      strokeWidth: 3,
      textAnchor: place.anchor,
      fontWeight: 600,
      fontSize: 11.5,
    }),
  ];
}

/** Above the right end of the line. */
function guideName(guide: Guide): Plot.Markish[] {
  const end = guide.points.at(-1);
  if (end === undefined || guide.name === "") return [];
  return [
    Plot.text([end], {
      x: "x",
      y: "y",
      dy: -8,
      text: () => guide.name,
      textAnchor: "end",
      fill: "var(--muted)",
      stroke: "var(--page)",
      strokeWidth: 3,
      fontSize: 11.5,
    }),
  ];
}
