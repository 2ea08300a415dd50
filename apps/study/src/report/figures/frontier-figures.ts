import type { MeasuredCell } from "../../cells/record.ts";
import type { Figure } from "../charts/figure.ts";
import { drawScatter, type Guide } from "../charts/scatter.ts";
import { brief, bytes, error, percent, tokens } from "../units.ts";
import { totals } from "./needle-figures.ts";
import { idOf, legendOf, titleOf, type View } from "./view.ts";

interface Frontier {
  readonly id: string;
  readonly title: string;
  readonly memory: (cell: MeasuredCell) => number | undefined;
  readonly memoryName: string;
  readonly accuracy: (cell: MeasuredCell) => number | undefined;
  readonly accuracyName: string;
  readonly better: "low" | "high";
  readonly scale: "log" | "share";
  readonly tick: (value: number) => string;
}

const FRONTIERS: readonly Frontier[] = [
  {
    id: "frontier-error",
    title: "Distance from dense attention against memory of a prefill",
    memory: (cell) => cell.memory.peakBytes,
    memoryName: "peak bytes beyond the inputs",
    accuracy: (cell) => cell.accuracy?.relativeL2,
    accuracyName: "relative L2 error",
    better: "low",
    scale: "log",
    tick: error,
  },
  {
    id: "frontier-needles",
    title: "Needles found against cache of a decoder",
    memory: (cell) => cell.decode?.cacheBytes,
    memoryName: "bytes of the cache",
    accuracy: (cell) => {
      const [found, trials] = totals(cell.needles);
      return trials === 0 ? undefined : found / trials;
    },
    accuracyName: "needles found",
    better: "high",
    scale: "share",
    tick: percent,
  },
];

interface Place {
  readonly x: number;
  readonly y: number;
}

/** Accuracy against memory at the longest length that most variants were measured at. */
export function frontierFigures(view: View): Figure[] {
  return FRONTIERS.flatMap((frontier) => {
    const length = lengthFor(view, frontier);
    if (length === undefined) return [];
    const shown = view.series.flatMap((series) => {
      const cell = series.cells.find((each) => each.length === length);
      const [x, y] = [cell && frontier.memory(cell), cell && frontier.accuracy(cell)];
      return x === undefined || y === undefined || x <= 0 || (frontier.scale === "log" && y <= 0)
        ? []
        : [{ series, x, y }];
    });
    // What needs training is drawn and not ranked.
    const best = frontierOf(
      shown.filter((each) => !each.series.needsTraining),
      frontier.better,
    );
    const title = titleOf(view, `${frontier.title}, ${tokens(length)} tokens`);
    const text = ({ x, y }: Place): string => `${bytes(x)}, ${frontier.tick(y)}`;
    const description = `${title}. ${shown.map((each) => `${each.series.name}: ${text(each)}`).join("; ")}. On the frontier: ${best.map((each) => each.series.name).join(", ")}.`;
    const guide: Guide = { name: "", points: best, curve: "step-after" };
    return [
      {
        id: idOf(view, frontier.id),
        title,
        description,
        caption: `Dashed: the frontier, variants for which no other is better in one and at least as good in the other; ${frontier.better === "low" ? "low and left" : "high and left"} is better. Hollow marks need training and are not ranked.`,
        draw: (width) =>
          drawScatter(
            {
              trails: shown.map(({ series, x, y }) => ({
                name: series.name,
                look: { ...series.look, dashes: undefined },
                points: [{ x, y, title: `${series.name}\n${text({ x, y })}` }],
              })),
              guides: [guide],
              x: { label: frontier.memoryName, tick: (value) => brief(bytes(value)) },
              y: { label: frontier.accuracyName, tick: frontier.tick, scale: frontier.scale },
            },
            width,
            description,
          ),
        table: {
          head: ["variant", frontier.memoryName, frontier.accuracyName, "on the frontier"],
          rows: shown.map((each) => [
            each.series.name,
            bytes(each.x),
            frontier.tick(each.y),
            each.series.needsTraining ? "not ranked" : best.includes(each) ? "yes" : "no",
          ]),
        },
        legendAlways: true,
        legend: legendOf(shown.map((each) => each.series)),
      },
    ];
  });
}

/** The longest length at which as many series as at any other have both numbers. */
function lengthFor({ series }: View, { memory, accuracy }: Frontier): number | undefined {
  const counts = new Map<number, number>();
  for (const { cells } of series) {
    for (const cell of cells) {
      if (memory(cell) !== undefined && accuracy(cell) !== undefined) {
        counts.set(cell.length, (counts.get(cell.length) ?? 0) + 1);
      }
    }
  }
  const most = Math.max(0, ...counts.values());
  const lengths = [...counts].filter(([, count]) => count === most).map(([length]) => length);
  return lengths.length === 0 ? undefined : Math.max(...lengths);
}

/** Those that no other beats in both, by memory ascending. */
export function frontierOf<T extends Place>(places: readonly T[], better: "low" | "high"): T[] {
  const sign = better === "low" ? 1 : -1;
  const best: T[] = [];
  for (const place of [...places].sort((a, b) => a.x - b.x || sign * (a.y - b.y))) {
    const last = best.at(-1);
    if (last === undefined || sign * place.y < sign * last.y) best.push(place);
  }
  return best;
}
