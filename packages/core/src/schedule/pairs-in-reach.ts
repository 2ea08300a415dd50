import type { AttentionShape, Positions } from "../shape.ts";
import { reachStart, type Reach } from "./reach.ts";

/** Pairs (query, key) inside every query's range of keys, over the batch, for one head: in closed form. */
export function pairsInReach(
  { batch, queries }: Pick<AttentionShape, "batch" | "queries">,
  at: Positions,
  reach: Reach,
): number {
  let pairs = 0;
  for (let b = 0; b < batch; b++) {
    // A range ends at position + ahead + 1 and begins where its reach does, both cut off at 0 and at the key length.
    const offset = at.queryOffset[b]!;
    const keys = at.keyLength[b]!;
    pairs += sumClamped(queries, offset + reach.ahead + 1, keys) - sumStarts(queries, offset, keys, reach);
  }
  return pairs;
}

/** The sum of the starts of `count` ranges from position `first` on, each cut off at 0 and at `most`. */
function sumStarts(count: number, first: number, most: number, reach: Reach): number {
  if (reach.chunk === undefined) return sumClamped(count, first - reach.back, most);
  // Inside a chunk the start stays, until a window's overtakes it.
  const { length, shift } = reach.chunk;
  let sum = 0;
  for (let from = first; from < first + count;) {
    const end = Math.min(first + count, (Math.floor((from + shift) / length) + 1) * length - shift);
    const start = reachStart({ ...reach, back: Infinity }, from);
    const overtaken = Math.min(end, Math.max(from, start + reach.back));
    sum +=
      (overtaken - from) * Math.min(Math.max(start, 0), most) +
      sumClamped(end - overtaken, overtaken - reach.back, most);
    from = end;
  }
  return sum;
}

/** The sum of min(max(i + start, 0), most) over i = 0 .. count - 1. */
function sumClamped(count: number, start: number, most: number): number {
  const zeros = Math.min(count, Math.max(0, -start));
  const rising = Math.max(0, Math.min(count, most - start) - zeros);
  const full = count - zeros - rising;
  return (rising === 0 ? 0 : rising * (start + zeros) + (rising * (rising - 1)) / 2) + full * most;
}
