import type { MaskBounds } from "../expression/bounds.ts";
import { reachEnd, reachStart, type Reach } from "./reach.ts";
import { MASKED, PARTIAL } from "./schedule.ts";

/** Ranges of keys are halved down to the kernels' tile of keys, and begin at its multiples. */
const TILE_KEYS = 128;
/** A tile is cut off at its ends in halves down to this many keys. */
const SMALLEST_CUT = 16;

/** The queries that runs are found for, and the keys that they have. */
export interface BlockOfQueries {
  /** First and last position. */
  readonly first: number;
  readonly last: number;
  readonly b: number;
  /** First and last query head. */
  readonly h0: number;
  readonly h1: number;
  readonly keys: number;
}

/**
 * The keys that a block of queries meets, as runs of one kind: full, PARTIAL where only the reach decides, PARTIAL | MASKED where the
 * mask decides as well. Keys that no query sees are in none of them.
 *
 * The keys within reach are halved until the mask's bounds show all or nothing of them, or a tile is left; neighbours of one kind
 * are one run. So work follows the changes along the keys, not their number, wherever bounds tell anything. Halving starts from
 * the runs of the block before, which are often much the same; that changes how much there is to ask, not what comes out.
 */
export class KeyRuns {
  /** Begin, end and flags of every run, in ascending order. */
  readonly runs: number[] = [];
  readonly #bounds: MaskBounds;
  readonly #reach: Reach;
  readonly #always: number;
  /** Where the runs of the block before began and ended, in tiles. */
  readonly #hints: number[] = [];
  /** Keys that any query reaches. */
  #low = 0;
  #high = 0;
  /** Keys that every query reaches, as far as whole tiles go. */
  #innerLow = 0;
  #innerHigh = 0;

  /** @param pairTerms whether a mask tensor or a bias can hide pairs as well; every run is then PARTIAL. */
  constructor(bounds: MaskBounds, reach: Reach, pairTerms: boolean) {
    this.#bounds = bounds;
    this.#reach = reach;
    this.#always = pairTerms ? PARTIAL : 0;
  }

  /** Replaces the runs by those of a block. */
  find(block: BlockOfQueries): void {
    this.#keepHints();
    this.begin(block);
    let from = this.#low;
    for (const hint of this.#hints) {
      if (hint <= from || hint >= this.#high) continue;
      this.#split(from, hint);
      from = hint;
    }
    if (from < this.#high) this.#split(from, this.#high);
  }

  /** Forgets the runs, for those of a block to be added. */
  begin({ first, last, b, h0, h1, keys }: BlockOfQueries): void {
    const reach = this.#reach;
    this.runs.length = 0;
    const low = clamp(reachStart(reach, first), 0, keys);
    const high = Math.max(low, clamp(reachEnd(reach, last), 0, keys));
    const innerLow = clamp(reachStart(reach, last), low, high);
    const innerHigh = clamp(reachEnd(reach, first), low, high);
    this.#low = low;
    this.#high = high;
    this.#innerLow = innerLow > low ? Math.ceil(innerLow / TILE_KEYS) * TILE_KEYS : low;
    this.#innerHigh = innerHigh < high ? Math.floor(innerHigh / TILE_KEYS) * TILE_KEYS : high;
    this.#bounds.setQueries(first, last, b, h0, h1);
  }

  /** Adds the runs among keys from..end - 1, all of them after those that were added before. */
  add(from: number, end: number): void {
    const low = Math.max(from, this.#low);
    const high = Math.min(end, this.#high);
    if (low < high) this.#split(low, high);
  }

  /** Keys in all runs. */
  keyCount(): number {
    const { runs } = this;
    let count = 0;
    for (let at = 0; at < runs.length; at += 3) count += runs[at + 1]! - runs[at]!;
    return count;
  }

  #keepHints(): void {
    const { runs } = this;
    this.#hints.length = 0;
    for (let at = 0; at < runs.length; at += 3) {
      this.#hints.push(Math.floor(runs[at]! / TILE_KEYS) * TILE_KEYS, Math.ceil(runs[at + 1]! / TILE_KEYS) * TILE_KEYS);
    }
  }

  #split(low: number, high: number): void {
    const decision = this.#bounds.decide(low, high - 1);
    if (decision === "all") {
      this.#putShown(low, high);
    } else if (decision === "some") {
      const first = Math.floor(low / TILE_KEYS);
      const end = Math.ceil(high / TILE_KEYS);
      if (end - first === 1) {
        this.#putTile(low, high);
      } else {
        const middle = ((first + end) >> 1) * TILE_KEYS;
        this.#split(low, middle);
        this.#split(middle, high);
      }
    }
  }

  /** Keys of which the mask shows everything. */
  #putShown(low: number, high: number): void {
    const innerLow = this.#innerLow;
    const innerHigh = this.#innerHigh;
    if (innerHigh <= innerLow) {
      this.#put(low, high, PARTIAL);
      return;
    }
    this.#put(low, Math.min(high, innerLow), PARTIAL);
    this.#put(Math.max(low, innerLow), Math.min(high, innerHigh), 0);
    this.#put(Math.max(low, innerHigh), high, PARTIAL);
  }

  /** A tile of which the mask shows something: its ends are cut off where they show nothing. */
  #putTile(low: number, high: number): void {
    const bounds = this.#bounds;
    for (let cut = TILE_KEYS / 2; cut >= SMALLEST_CUT; cut /= 2) {
      if (high - low <= cut) continue;
      if (bounds.decide(low, low + cut - 1) === "none") low += cut;
      else if (bounds.decide(high - cut, high - 1) === "none") high -= cut;
      else break;
    }
    this.#put(low, high, PARTIAL | MASKED);
  }

  #put(low: number, high: number, kind: number): void {
    if (low >= high) return;
    const { runs } = this;
    const flags = kind | this.#always;
    const end = runs.length - 2;
    if (runs[end] === low && runs[end + 1] === flags) runs[end] = high;
    else runs.push(low, high, flags);
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
