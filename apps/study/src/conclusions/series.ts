import type { CellKey, CellRecord, MeasuredCell } from "../cells/record.ts";
import { FEWEST_POINTS, fitPowerLaw, longerHalf, type Point, type PowerLaw } from "./power-law.ts";

/** The measured cells of one variant on one input, runtime and machine, ascending in length: what a line in a chart shows. */
export interface Series extends Omit<CellKey, "length"> {
  readonly machine: string;
  readonly cells: readonly MeasuredCell[];
}

/** In the order in which they first occur. Cells of different machines never share a series. */
export function seriesOf(cells: readonly CellRecord[]): Series[] {
  const groups = new Map<string, MeasuredCell[]>();
  for (const cell of cells) {
    if (cell.status !== "measured") continue;
    const key = JSON.stringify([cell.input, cell.runtime, cell.machine, cell.variant]);
    const group = groups.get(key);
    if (group) group.push(cell);
    else groups.set(key, [cell]);
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { variant, input, runtime, machine } = first;
    return [{ variant, input, runtime, machine, cells: group.sort((a, b) => a.length - b.length) }];
  });
}

type Setting = Pick<Series, "input" | "runtime" | "machine">;

/** Whether two series may be compared: what they differ in is the variant alone. */
export function comparable(a: Setting, b: Setting): boolean {
  return a.input === b.input && a.runtime === b.runtime && a.machine === b.machine;
}

export type QuantityName = "time" | "memory";

/** A cost over length. */
export interface Quantity {
  readonly name: QuantityName;
  readonly point: (cell: MeasuredCell) => Point;
  /** What a value has in it that does not grow with length, and how far it has to be beyond that to say how it grows. */
  readonly fixed: (cell: MeasuredCell) => number;
  readonly least: number;
}

/** Resident memory of a process comes and goes by this much without a reason. */
const MEMORY_NOISE = 1e6;

/** Two processes differ by as much at the same work, whatever the calls of one say. */
const TIME_NOISE = 0.1;

/** Milliseconds of a prefill. */
export const TIME: Quantity = {
  name: "time",
  point: ({ length, prefill }) => ({ length, value: prefill.medianMs, margin: Math.max(TIME_NOISE, prefill.rme) }),
  fixed: () => 0,
  least: 0,
};

/** Bytes at the peak of a prefill, beyond its inputs. */
export const MEMORY: Quantity = {
  name: "memory",
  point: ({ length, memory }) => ({ length, value: memory.peakBytes, margin: MEMORY_NOISE / memory.peakBytes }),
  fixed: ({ memory }) => memory.runtimeBytes,
  least: 2 * MEMORY_NOISE,
};

export const QUANTITIES: readonly Quantity[] = [TIME, MEMORY];

/** Those that a logarithm can show. */
export function pointsOf(series: Series, quantity: Quantity): Point[] {
  return series.cells.map(quantity.point).filter((point) => point.value > 0 && Number.isFinite(point.value));
}

/** How a quantity grows. */
export interface Laws {
  /** Lengths that say so. */
  readonly points: number;
  /** Over all of them; undefined with fewer than three. */
  readonly law: PowerLaw | undefined;
  /** Over the longer half, where it is not all of them: how it goes on. */
  readonly tail: PowerLaw | undefined;
}

export function lawsOf(series: Series, quantity: Quantity): Laws {
  const offset = median(series.cells.map(quantity.fixed));
  const points = pointsOf(series, quantity).filter((point) => point.value - offset > quantity.least);
  if (points.length < FEWEST_POINTS) return { points: points.length, law: undefined, tail: undefined };
  const longer = longerHalf(points);
  return {
    points: points.length,
    law: fitPowerLaw(points, offset),
    tail: longer.length < points.length ? fitPowerLaw(longer, offset) : undefined,
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
}
