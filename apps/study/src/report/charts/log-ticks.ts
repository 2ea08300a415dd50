import type * as Plot from "@observablehq/plot";

/**
 * Options of a logarithmic scale with these ticks and no others. Plot's own leaves out labels of ticks that it would not have chosen, so this is
 * a linear scale of logarithms.
 */
export function logScale(
  domain: readonly [number, number],
  ticks: readonly number[],
  tickFormat: (value: number) => string,
): Plot.ScaleOptions {
  return {
    type: "linear",
    transform: Math.log10,
    domain: domain.map(Math.log10),
    ticks: ticks.map(Math.log10),
    tickFormat: (log: number) => tickFormat(exactly(ticks, log)),
  };
}

/** 10^log has an error of rounding. */
function exactly(ticks: readonly number[], log: number): number {
  return ticks.find((tick) => Math.log10(tick) === log) ?? 10 ** log;
}

/** Values of an axis with a logarithmic scale: powers of ten, with twos and fives between them where there is room. */
export function logTicks([low, high]: readonly [number, number], most = 7): number[] {
  const decades = Math.log10(high / low);
  const factors = decades < 1.2 ? [1, 1.5, 2, 3, 5, 7] : decades < 2.5 ? [1, 2, 5] : [1];
  const step = Math.max(1, Math.ceil(decades / most));
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    if (power % step !== 0 && factors.length === 1) continue;
    for (const factor of factors) {
      const tick = factor * 10 ** power;
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
    }
  }
  return ticks;
}

/** The same for milliseconds: above a minute in minutes and hours. */
export function timeTicks(domain: readonly [number, number]): number[] {
  const long = [60_000, 600_000, 3_600_000, 36_000_000, 360_000_000];
  const ticks = logTicks(domain);
  if (domain[1] < 120_000) return ticks;
  return [...ticks.filter((tick) => tick < 30_000), ...long.filter((tick) => tick >= domain[0] && tick <= domain[1])];
}

/** The least and greatest of values above 0, apart by a factor of two at least. */
export function logDomain(values: readonly number[]): [number, number] {
  const shown = values.filter((value) => value > 0 && Number.isFinite(value));
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const short = Math.max(1, Math.SQRT2 / Math.sqrt(high / low));
  return [low / short / 1.1, high * short * 1.1];
}

/** Lengths that fit as labels: all, or every second, third, .. from the longest. */
export function lengthTicks(lengths: readonly number[], width: number): number[] {
  const each = Math.ceil(lengths.length / Math.max(2, Math.floor(width / 44)));
  return lengths.filter((_, at) => (lengths.length - 1 - at) % each === 0);
}
