import { type Interval, type Point, type PowerLaw, valueAt } from "./power-law.ts";

/** Where what was cheaper stops being it. */
export interface Crossing {
  /** Which of the two is cheaper beyond. */
  readonly cheaperBeyond: "first" | "second";
  /** What they are at shorter lengths: in the other order, or equal within their margins down to the shortest. */
  readonly before: "dearer" | "equal";
  /** Tokens, not whole. */
  readonly length: number;
  /**
   * Measured: the lengths between which the order changed. Extrapolated: where the 95% bands of the two laws begin and end to overlap;
   * Infinity, which JSON writes as null, where they do not end.
   */
  readonly between: Interval;
  /** Beyond what was measured. */
  readonly extrapolated: boolean;
}

/** Laws are not extended to more than this many times the longest length. */
export const FARTHEST = 16;

/** A cost over length, and how it goes on. */
export interface Course {
  readonly points: readonly Point[];
  readonly law: PowerLaw | undefined;
}

/**
 * Where two quantities cross, ascending in length: interpolated between measured lengths on logarithms; beyond them, once at most, by the
 * laws by which they go on, when their exponents differ by more than their intervals.
 *
 * Two values that are within their margins of each other have no order: a crossing is from a length with one order to the next length that
 * has the other. Where the shortest lengths have none, the first that has one is a crossing as well: there the two part.
 */
export function crossings(first: Course, second: Course): Crossing[] {
  const gaps = gapsOf(first.points, second.points);
  const found: Crossing[] = [];
  const ordered = gaps.flatMap((gap, at) => (Math.abs(gap.log) > gap.margin ? [at] : []));
  const parting = partingOf(gaps, ordered[0] ?? 0);
  if (parting) found.push(parting);
  for (const [i, end] of ordered.entries()) {
    const start = ordered[i - 1];
    const [from, to] = [gaps[start ?? -1], gaps[end]];
    if (start === undefined || !from || !to || Math.sign(from.log) === Math.sign(to.log)) continue;
    found.push({
      cheaperBeyond: to.log > 0 ? "second" : "first",
      before: "dearer",
      length: zeroOf(gaps.slice(start, end + 1)),
      between: [from.length, to.length],
      extrapolated: false,
    });
  }
  const beyond = crossingBeyond(first, second, gaps[ordered.at(-1) ?? -1]);
  return beyond ? [...found, beyond] : found;
}

/** Where what is equal at the shortest lengths first differs by more than its margins. */
function partingOf(gaps: readonly Gap[], at: number): Crossing | undefined {
  const [from, to] = [gaps[at - 1], gaps[at]];
  if (from === undefined || to === undefined) return undefined;
  // How far the gap is beyond its margin, below 0 before and above after.
  const [below, above] = [from, to].map((gap) => gap.log * Math.sign(to.log) - gap.margin) as [number, number];
  return {
    cheaperBeyond: to.log > 0 ? "second" : "first",
    before: "equal",
    length: from.length * (to.length / from.length) ** (below / (below - above)),
    between: [from.length, to.length],
    extrapolated: false,
  };
}

interface Gap {
  readonly length: number;
  /** ln first - ln second */
  readonly log: number;
  readonly margin: number;
}

/** At the lengths that both have, ascending. */
function gapsOf(first: readonly Point[], second: readonly Point[]): Gap[] {
  const others = new Map(second.map((point) => [point.length, point]));
  return first
    .flatMap((point) => {
      const other = others.get(point.length);
      if (other === undefined) return [];
      const log = Math.log(point.value) - Math.log(other.value);
      return [{ length: point.length, log, margin: Math.hypot(point.margin, other.margin) }];
    })
    .sort((a, b) => a.length - b.length);
}

/** Where the gap, linear in ln length between its points, first changes its sign. */
function zeroOf(gaps: readonly Gap[]): number {
  for (const [i, to] of gaps.entries()) {
    const from = gaps[i - 1];
    if (from === undefined || Math.sign(from.log) === Math.sign(to.log)) continue;
    const part = from.log / (from.log - to.log);
    return from.length * (to.length / from.length) ** part;
  }
  throw new RangeError("zeroOf: expected gaps that change their sign, got none");
}

function crossingBeyond(first: Course, second: Course, last: Gap | undefined): Crossing | undefined {
  const [a, b] = [first.law, second.law];
  if (last === undefined || a === undefined || b === undefined) return undefined;
  // What is dearer now has to grow more slowly, by more than can be chance.
  const [dear, cheap] = last.log > 0 ? [a, b] : [b, a];
  if (dear.exponentInterval[1] >= cheap.exponentInterval[0]) return undefined;
  const longest = Math.min(a.to, b.to);
  const values = (n: number) => [valueAt(dear, n, "line"), valueAt(cheap, n, "line")] as const;
  const gap = (n: number): number => values(n)[0].value - values(n)[1].value;
  if (!(gap(longest) > 0 && gap(FARTHEST * longest) <= 0)) return undefined;
  let [low, high] = [longest, FARTHEST * longest];
  for (let step = 0; step < 60; step++) {
    const middle = Math.sqrt(low * high);
    if (gap(middle) > 0) low = middle;
    else high = middle;
  }
  const steps = Array.from({ length: 400 }, (_, i) => longest * (FARTHEST * FARTHEST) ** (i / 399));
  const begin = steps.find((n) => values(n)[0].interval[0] <= values(n)[1].interval[1]);
  const end = steps.find((n) => n >= low && values(n)[0].interval[1] < values(n)[1].interval[0]);
  return {
    cheaperBeyond: last.log > 0 ? "first" : "second",
    before: "dearer",
    length: low,
    between: [Math.min(begin ?? low, low), end ?? Infinity],
    extrapolated: true,
  };
}
