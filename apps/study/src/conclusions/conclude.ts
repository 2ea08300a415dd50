import type { CellKey, CellRecord } from "../cells/record.ts";
import { type Course, type Crossing, crossings } from "./crossover.ts";
import { type LongestLength, longestLength, shorter } from "./longest-length.ts";
import {
  comparable,
  type Laws,
  lawsOf,
  MEMORY,
  pointsOf,
  QUANTITIES,
  type Quantity,
  type QuantityName,
  type Series,
  seriesOf,
  TIME,
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
export interface Growth extends Subject, Laws {
  readonly quantity: QuantityName;
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
  return { ...subject(series), quantity: quantity.name, ...lawsOf(series, quantity) };
}

function courseOf(series: Series, quantity: Quantity): Course {
  const { law, tail } = lawsOf(series, quantity);
  return { points: pointsOf(series, quantity), law: tail ?? law };
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
        crossings(courseOf(first, quantity), courseOf(second, quantity)).map((each) => of(each, first, second)),
      ),
  );
}

function longestOf(series: Series, limits: Limits): Longest {
  const within = (quantity: Quantity, limit: number): LongestLength => {
    const { points, law } = courseOf(series, quantity);
    return longestLength(points, limit, law);
  };
  const inMemory = within(MEMORY, limits.memoryBytes);
  const inTime = within(TIME, limits.timeMs);
  return { ...subject(series), inMemory, inTime, inBoth: shorter(inTime, inMemory) };
}
