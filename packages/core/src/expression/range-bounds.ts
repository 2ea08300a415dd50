import type { LookupArray } from "./evaluate.ts";

/** Entries of a block whose bounds are kept. */
const BLOCK = 64;

const known = new WeakMap<LookupArray, RangeBounds>();

/** The least and greatest entry of ranges of an array. Built when first asked for, then kept with the array. */
export function rangeBoundsOf(array: LookupArray): RangeBounds {
  let bounds = known.get(array);
  if (bounds === undefined) known.set(array, (bounds = new RangeBounds(array)));
  return bounds;
}

/**
 * Blocks of 64 entries have their bounds in sparse tables: level j holds the bounds of 2^j blocks from every block on, so any run of
 * blocks is two overlapping entries, about 2 MB for a million ints. What a range has outside whole blocks is scanned.
 */
export class RangeBounds {
  /** Of the last range asked for; a NaN inside makes it everything. */
  low = 0;
  high = 0;
  readonly #array: LookupArray;
  readonly #lows: LookupArray[] = [];
  readonly #highs: LookupArray[] = [];

  constructor(array: LookupArray) {
    this.#array = array;
    const blocks = Math.floor(array.length / BLOCK);
    if (blocks === 0) return;
    let lows = emptyLike(array, blocks);
    let highs = emptyLike(array, blocks);
    for (let block = 0; block < blocks; block++) {
      this.low = Infinity;
      this.high = -Infinity;
      this.#scan(block * BLOCK, (block + 1) * BLOCK);
      lows[block] = this.low;
      highs[block] = this.high;
    }
    for (let span = 1; ; span *= 2) {
      this.#lows.push(lows);
      this.#highs.push(highs);
      const count = blocks - 2 * span + 1;
      if (count <= 0) return;
      const [shorterLows, shorterHighs] = [lows, highs];
      lows = emptyLike(array, count);
      highs = emptyLike(array, count);
      for (let block = 0; block < count; block++) {
        lows[block] = Math.min(shorterLows[block]!, shorterLows[block + span]!);
        highs[block] = Math.max(shorterHighs[block]!, shorterHighs[block + span]!);
      }
    }
  }

  /** Sets `low` and `high` to the bounds of the entries first..last, both inclusive and inside the array. */
  find(first: number, last: number): void {
    this.low = Infinity;
    this.high = -Infinity;
    const firstBlock = Math.ceil(first / BLOCK);
    const endBlock = Math.floor((last + 1) / BLOCK);
    if (endBlock <= firstBlock) {
      this.#scan(first, last + 1);
      return;
    }
    this.#scan(first, firstBlock * BLOCK);
    this.#scan(endBlock * BLOCK, last + 1);
    const level = 31 - Math.clz32(endBlock - firstBlock);
    const lows = this.#lows[level]!;
    const highs = this.#highs[level]!;
    const second = endBlock - 2 ** level;
    this.low = Math.min(this.low, lows[firstBlock]!, lows[second]!);
    this.high = Math.max(this.high, highs[firstBlock]!, highs[second]!);
  }

  /** Widens `low` and `high` by the entries first..end - 1. */
  #scan(first: number, end: number): void {
    const array = this.#array;
    let { low, high } = this;
    for (let i = first; i < end; i++) {
      const value = array[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
      if (Number.isNaN(value)) {
        low = -Infinity;
        high = Infinity;
      }
    }
    this.low = low;
    this.high = high;
  }
}

function emptyLike(array: LookupArray, length: number): LookupArray {
  return new (array.constructor as new (length: number) => LookupArray)(length);
}
