/** A prediction beside what it predicts. */
export interface Compared {
  readonly predicted: number;
  readonly measured: number;
}

/** |predicted - measured| / measured */
export function relativeError({ predicted, measured }: Compared): number {
  return Math.abs(predicted - measured) / measured;
}

/** Of all pairs whose measured times differ by more than 30%, the share that predictions put in the same order. */
export function orderShare(all: readonly Compared[]): { readonly share: number; readonly pairs: number } {
  let [right, pairs] = [0, 0];
  for (const [i, a] of all.entries()) {
    for (const b of all.slice(i + 1)) {
      const [slow, fast] = a.measured > b.measured ? [a, b] : [b, a];
      if (slow.measured <= 1.3 * fast.measured) continue;
      pairs++;
      if (slow.predicted > fast.predicted) right++;
    }
  }
  return { share: pairs === 0 ? 1 : right / pairs, pairs };
}
