import type { MachineRecord } from "../../cells/record.ts";
import type { Figure } from "../charts/figure.ts";
import { drawScatter, type Guide } from "../charts/scatter.ts";
import { machineName } from "../names.ts";
import { digits, percent, tokens } from "../units.ts";
import { idOf, legendOf, lengthTable, type NamedSeries, titleOf, type View } from "./view.ts";

/** A plot for each machine: operations for each byte that is read, and operations a second, below what the machine can do. */
export function rooflineFigures(view: View): Figure[] {
  return view.results.machines.flatMap((machine) => {
    const series = view.series.filter((each) => each.machine === machine.id && each.cells.some(shown));
    if (series.length === 0) return [];
    const name = view.results.machines.length > 1 ? `, ${machineName(view.results.machines, machine.id)}` : "";
    const title = titleOf(view, `Roofline${name}`);
    const text = `${digits(machine.peakGflops)} GFLOP/s with all threads, ${digits(machine.peakGflopsOneThread)} with one, ${digits(machine.readGBs)} GB/s`;
    const description = `${title}: GFLOP/s over operations per byte read. Ceilings: ${text}. ${series.map(best).join("; ")}.`;
    return [
      {
        id: idOf(view, `roofline-${machine.id}`),
        title,
        description,
        caption:
          `Grey: what the machine reaches (${text}), measured. Operations and bytes by plan. A point for each length, joined from the shortest to ` +
          "the longest, which is named. Below the slope, memory is the limit; below the level, arithmetic; far below both, overhead.",
        draw: (width) =>
          drawScatter(
            {
              trails: series.map((each) => trail(each)),
              guides: ceilings(machine, series),
              x: { label: "operations for each byte read", tick: number },
              y: { label: "GFLOP/s", tick: number, scale: "log" },
            },
            width,
            description,
          ),
        table: lengthTable(
          series,
          ({ prefill }) =>
            `${digits(prefill.flops / prefill.bytesRead)} op/B, ${digits(prefill.gflops)} GFLOP/s (${percent(prefill.peakShare)})`,
        ),
        legendAlways: true,
        legend: legendOf(series),
      },
    ];
  });
}

function shown({ prefill }: NamedSeries["cells"][number]): boolean {
  return prefill.bytesRead > 0 && prefill.flops > 0 && prefill.gflops > 0;
}

function trail(series: NamedSeries) {
  return {
    name: series.name,
    look: series.look,
    points: series.cells.filter(shown).map(({ length, prefill }) => ({
      x: prefill.flops / prefill.bytesRead,
      y: prefill.gflops,
      title: `${series.name}\n${tokens(length)} tokens: ${digits(prefill.gflops)} GFLOP/s, ${percent(prefill.peakShare)} of the peak`,
    })),
  };
}

/** A slope up to where arithmetic becomes the limit, then a level; for all threads and for one. */
function ceilings(
  { peakGflops, peakGflopsOneThread, readGBs }: MachineRecord,
  series: readonly NamedSeries[],
): Guide[] {
  if (!(peakGflops > 0 && readGBs > 0)) return [];
  const places = series.flatMap((each) => trail(each).points.map((point) => point.x));
  const [low, high] = [
    Math.min(...places, (0.3 * peakGflops) / readGBs),
    Math.max(...places, (3 * peakGflops) / readGBs),
  ];
  const roof = (peak: number, name: string): Guide => ({
    name,
    curve: "linear",
    points: [low, peak / readGBs, high].map((x) => ({ x, y: Math.min(peak, x * readGBs) })),
  });
  return [
    roof(peakGflops, `${digits(peakGflops)} GFLOP/s, all threads`),
    ...(peakGflopsOneThread > 0 && peakGflopsOneThread < 0.9 * peakGflops
      ? [roof(peakGflopsOneThread, `${digits(peakGflopsOneThread)} GFLOP/s, one thread`)]
      : []),
  ];
}

function best(series: NamedSeries): string {
  const top = Math.max(...series.cells.map((cell) => cell.prefill.peakShare));
  return `${series.name}: up to ${percent(top)} of the peak`;
}

function number(value: number): string {
  return String(Number(value.toPrecision(2)));
}
