/** The middle value, the mean of the two middle ones for an even count; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/**
 * How many times A's time is B's: the median over rounds of a[i] / b[i]. Rounds of the same number ran next to each
 * other, so what disturbs the machine for longer than a round cancels.
 */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  const rounds = Math.min(a.length, b.length);
  return median(Array.from({ length: rounds }, (_, i) => a[i]! / b[i]!));
}

/** The smallest and largest ratio of single rounds, which say how far to trust the median. */
export function ratioRange(a: readonly number[], b: readonly number[]): { min: number; max: number } {
  const ratios = Array.from({ length: Math.min(a.length, b.length) }, (_, i) => a[i]! / b[i]!);
  return { min: Math.min(...ratios), max: Math.max(...ratios) };
}
