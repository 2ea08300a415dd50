import { NO_NGRAM } from "./n-grams.ts";

/** What the text says came after the n-gram at one position. */
export interface Followers {
  readonly position: number;
  /** How often each token followed it. */
  readonly counts: ReadonlyMap<number, number>;
  /** Tokens from the position back to the nearest follower. */
  readonly distance: number;
}

/**
 * The ground truth of retrieval. Position j follows the n-gram at t when the n tokens before j are the n tokens that end at t.
 * With a causal mask only j <= t count. Positions whose n-gram has no visible follower are left out.
 *
 * @param keys `ngramKeys` of the text.
 * @param positions Ascending.
 */
export function followersAt(
  tokens: Int32Array,
  keys: Float64Array,
  positions: readonly number[],
  causal: boolean,
): Followers[] {
  const wanted = new Map<number, Tally>();
  for (const position of positions) {
    const key = keys[position]!;
    if (key !== NO_NGRAM && !wanted.has(key)) wanted.set(key, { counts: new Map(), last: -1, next: [] });
  }
  const found: Followers[] = [];
  const at = positions.values();
  let position = at.next();
  for (let j = 1; j < tokens.length; j++) {
    const tally = wanted.get(keys[j - 1]!);
    if (tally) {
      tally.counts.set(tokens[j]!, (tally.counts.get(tokens[j]!) ?? 0) + 1);
      tally.last = j;
      if (!causal) tally.next.push(j);
    }
    while (causal && !position.done && position.value <= j) {
      if (position.value === j) take(j);
      position = at.next();
    }
  }
  if (!causal) for (const each of positions) take(each);
  return found;

  function take(t: number): void {
    const tally = wanted.get(keys[t]!);
    if (!tally || tally.last < 0) return;
    const distance = causal ? t - tally.last : Math.min(...tally.next.map((j) => Math.abs(t - j)));
    found.push({ position: t, counts: new Map(tally.counts), distance });
  }
}

interface Tally {
  readonly counts: Map<number, number>;
  last: number;
  /** All of its followers, for the nearest on either side. */
  readonly next: number[];
}

/** Whether no token followed more often than this one. */
export function isMostFrequent(followers: Followers, token: number): boolean {
  const count = followers.counts.get(token);
  if (count === undefined) return false;
  for (const other of followers.counts.values()) if (other > count) return false;
  return true;
}
