/** Predictions with at least `from` and at most `to` tokens before them. */
export interface ContextRange {
  readonly from: number;
  readonly to: number;
}

/** Up to here there is one range. */
const SHORTEST = 64;

/** Ranges of context up to `length` tokens: 1 to 64, then each up to twice as much as the one before. */
export function contextRanges(length: number): ContextRange[] {
  const ranges: ContextRange[] = [];
  for (let from = 1, to = SHORTEST; from <= length; from = to + 1, to *= 2) {
    ranges.push({ from, to: Math.min(to, length) });
  }
  return ranges;
}
