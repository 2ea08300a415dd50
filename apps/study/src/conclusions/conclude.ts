import type { CellKey, CellRecord } from "../cells/record.ts";
import { type Crossing, crossings } from "./crossover.ts";
import { type LongestLength, longestLength, shorter } from "./longest-length.ts";
import { FEWEST_POINTS, fitPowerLaw, longerHalf, type PowerLaw } from "./power-law.ts";
import {
  comparable,
  MEMORY,
  pointsOf,
  QUANTITIES,
  TIME,
  type Quantity,
  type QuantityName,
  type Series,
  seriesOf,
} from "./series.ts";

/** What a study says beyond its cells. Plain data. */
export interface Conclusions {
  readonly growth: readonly Growth[];
  readonly crossovers: readonly Crossover[];
  readonly limits: Limits;
  readonly longest: readonly Longest[];
}

/** What a conclusion is about. */
export interface Subject {
  readonly variant: string;
  readonly input: string;
  readonly runtime: CellKey["runtime"];
  readonly machine: string;
}

/** How a cost grows with length. */
export interface Growth extends Subject {
  readonly quantity: QuantityName;
  /** Measured lengths. */
  readonly points: number;
  /** Over all of them; undefined with fewer than three. */
  readonly law: PowerLaw | undefined;
  /** Over the longer half, where it is not all of them: how it goes on. */
  readonly tail: PowerLaw | undefined;
}

/** "`variant` overtakes `overtaken` at `length` tokens": it is the cheaper one beyond. */
export interface Crossover extends Subject {
  readonly quantity: QuantityName;
  readonly overtaken: string;
  /** What `variant` is at shorter lengths: dearer, or equal within margins of error. */
  readonly before: Crossing["before"];
  readonly length: number;
  readonly between: readonly [low: number, high: number];
  readonly extrapolated: boolean;
}

export interface Limits {
  readonly memoryBytes: number;
  readonly timeMs: number;
}

/** The longest prefill within the limits. */
export interface Longest extends Subject {
  readonly inMemory: LongestLength;
  readonly inTime: LongestLength;
  readonly inBoth: LongestLength;
}

export const DEFAULT_LIMITS: Limits = { memoryBytes: 1e9, timeMs: 10_000 };

export function conclude(cells: readonly CellRecord[], limits: Limits = DEFAULT_LIMITS): Conclusions {
  const series = seriesOf(cells);
  return {
    growth: QUANTITIES.flatMap((quantity) => series.map((each) => growthOf(each, quantity))),
    crossovers: QUANTITIES.flatMap((quantity) => crossoversOf(series, quantity)),
    limits,
    longest: series.map((each) => longestOf(each, limits)),
  };
}

function subject({ variant, input, runtime, machine }: Series): Subject {
  return { variant, input, runtime, machine };
}

function growthOf(series: Series, quantity: Quantity): Growth {
  const points = pointsOf(series, quantity);
  const enough = points.length >= FEWEST_POINTS;
  const tail = longerHalf(points);
  return {
    ...subject(series),
    quantity: quantity.name,
    points: points.length,
    law: enough ? fitPowerLaw(points) : undefined,
    tail: enough && tail.length < points.length ? fitPowerLaw(tail) : undefined,
  };
}

function crossoversOf(series: readonly Series[], quantity: Quantity): Crossover[] {
  const of = (crossing: Crossing, first: Series, second: Series): Crossover => {
    const [overtaking, overtaken] = crossing.cheaperBeyond === "first" ? [first, second] : [second, first];
    const { before, length, between, extrapolated } = crossing;
    const { name } = quantity;
    return {
      ...subject(overtaking),
      quantity: name,
      overtaken: overtaken.variant,
      before,
      length,
      between,
      extrapolated,
    };
  };
  return series.flatMap((first, i) =>
    series
      .slice(i + 1)
      .filter((second) => comparable(first, second))
      .flatMap((second) =>
        crossings(pointsOf(first, quantity), pointsOf(second, quantity)).map((each) => of(each, first, second)),
      ),
  );
}

function longestOf(series: Series, limits: Limits): Longest {
  const inMemory = longestLength(pointsOf(series, MEMORY), limits.memoryBytes);
  const inTime = longestLength(pointsOf(series, TIME), limits.timeMs);
  return { ...subject(series), inMemory, inTime, inBoth: shorter(inTime, inMemory) };
}
