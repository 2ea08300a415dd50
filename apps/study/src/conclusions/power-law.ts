import { studentT } from "./student-t.ts";

/** A quantity at a length. */
export interface Point {
  readonly length: number;
  /** Above 0. */
  readonly value: number;
  /** How far `value` may be off, as a share of it. */
  readonly margin: number;
}

/**
 * value = offset + coefficient length^exponent, by least squares on the logarithms of what is beyond the offset. Plain data: `valueAt` reads
 * it.
 */
export interface PowerLaw {
  readonly exponent: number;
  /** 95%, Student's t with `points - 2` degrees of freedom. */
  readonly exponentInterval: Interval;
  readonly coefficient: number;
  /** What does not grow: known, not fitted. */
  readonly offset: number;
  readonly points: number;
  /** The lengths that it was fitted to. */
  readonly from: number;
  readonly to: number;
  /** Standard deviation of the logarithms about the line: 0.1 is about 10%. */
  readonly residual: number;
  /** Student's t: half an interval in standard errors. */
  readonly quantile: number;
  /** Mean of ln length, and the sum of squared distances from it: what intervals at other lengths are made of. */
  readonly meanLog: number;
  readonly spread: number;
}

export type Interval = readonly [low: number, high: number];

/** With two points every power law fits, and no interval can be given. */
export const FEWEST_POINTS = 3;

const CONFIDENCE = 0.95;

/**
 * @param offset In every value, whatever the length. Default 0.
 * @throws RangeError with fewer than three lengths, or a value that is not above the offset.
 */
export function fitPowerLaw(points: readonly Point[], offset = 0): PowerLaw {
  const lengths = new Set(points.map((point) => point.length)).size;
  if (lengths < FEWEST_POINTS) {
    throw new RangeError(`fitPowerLaw: expected at least ${FEWEST_POINTS} lengths, got ${lengths}`);
  }
  for (const { length, value } of points) {
    if (!(length > 0 && value > offset && Number.isFinite(length * value))) {
      throw new RangeError(
        `fitPowerLaw: expected lengths above 0 and values above ${offset}, got ${value} at ${length}`,
      );
    }
  }
  const x = points.map((point) => Math.log(point.length));
  const y = points.map((point) => Math.log(point.value - offset));
  const [meanLog, meanValue] = [mean(x), mean(y)];
  const spread = sum(x.map((each) => (each - meanLog) ** 2));
  const exponent = sum(x.map((each, i) => (each - meanLog) * ((y[i] ?? 0) - meanValue))) / spread;
  const intercept = meanValue - exponent * meanLog;
  const squares = sum(x.map((each, i) => ((y[i] ?? 0) - intercept - exponent * each) ** 2));
  const residual = Math.sqrt(squares / (points.length - 2));
  const quantile = studentT(CONFIDENCE, points.length - 2);
  const half = (quantile * residual) / Math.sqrt(spread);
  return {
    exponent,
    exponentInterval: [exponent - half, exponent + half],
    coefficient: Math.exp(intercept),
    offset,
    points: points.length,
    from: Math.min(...points.map((point) => point.length)),
    to: Math.max(...points.map((point) => point.length)),
    residual,
    quantile,
    meanLog,
    spread,
  };
}

export interface Predicted {
  readonly value: number;
  /** 95% */
  readonly interval: Interval;
}

/**
 * @param of `"line"`: the interval that holds the law's value; `"measurement"`: that of one further measurement, which is wider by the noise.
 */
export function valueAt(law: PowerLaw, length: number, of: "line" | "measurement"): Predicted {
  const x = Math.log(length);
  const log = Math.log(law.coefficient) + law.exponent * x;
  const variance = (of === "measurement" ? 1 : 0) + 1 / law.points + (x - law.meanLog) ** 2 / law.spread;
  const half = law.quantile * law.residual * Math.sqrt(variance);
  const at = (exponent: number): number => law.offset + Math.exp(exponent);
  return { value: at(log), interval: [at(log - half), at(log + half)] };
}

/** With one degree of freedom an interval is six times as wide as with many. */
const FEWEST_OF_HALF = 4;

/**
 * The points that say how a quantity goes on: the longer half of the lengths, four at least. Short calls pay what does not grow with
 * length, so that a law fitted to all of them is too flat where it is extended.
 */
export function longerHalf(points: readonly Point[]): readonly Point[] {
  const sorted = [...points].sort((a, b) => a.length - b.length);
  return sorted.slice(-Math.max(FEWEST_OF_HALF, Math.ceil(sorted.length / 2)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function mean(values: readonly number[]): number {
  return sum(values) / values.length;
}
