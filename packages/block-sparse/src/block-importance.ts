import type { BlockList } from "@saccade/core";
import { completeBlocks, type Compression } from "./compression.ts";
import { topKInto } from "./top-k.ts";

/** How the probabilities of compressed blocks choose blocks of keys. */
export interface ImportanceSizes extends Pick<Compression, "length" | "stride"> {
  /** C: a multiple of the stride. */
  readonly blockSize: number;
  /** Blocks that are taken, forced ones among them. */
  readonly topK: number;
}

/** Summed probabilities of a head group, [rows, blocks] from `at` on. */
export interface Masses {
  readonly masses: Float32Array;
  readonly at: number;
  readonly blocks: number;
}

/** Where a batch element's queries stand: the position of query 0, and the keys that there are. */
export interface Place {
  readonly first: number;
  readonly keys: number;
}

/**
 * Weights of the compressed blocks that overlap block j of keys: those from j C / S - (L / S - 1) to (j + 1) C / S - 1, each by the tokens
 * that it has in common with the block, over S. 1, 2, 2, 2, 1 for L = 32, S = 16, C = 64.
 */
export function overlapWeights({ length, stride, blockSize }: ImportanceSizes): Float64Array {
  const before = length / stride - 1;
  return Float64Array.from({ length: before + blockSize / stride }, (_, c) => {
    const start = (c - before) * stride;
    return (Math.min(start + length, blockSize) - Math.max(start, 0)) / stride;
  });
}

/** Chooses blocks for rows of a head group: the first, the own and the one before, and the most important of the others. */
export class BlockChooser {
  readonly #sizes: ImportanceSizes;
  readonly #weights: Float64Array;
  #importance = new Float32Array(0);

  constructor(sizes: ImportanceSizes) {
    this.#sizes = sizes;
    this.#weights = overlapWeights(sizes);
  }

  /** Whether a query at a position has to choose: not all blocks up to its own are taken. */
  chooses(position: number, keys: number): boolean {
    const { blockSize, topK } = this.#sizes;
    return Math.min(position + 1, keys) > topK * blockSize;
  }

  /**
   * Fills the lists of queries from..to - 1, which have room for their blocks.
   *
   * @param masses of these queries; only looked at for those that choose.
   */
  choose(
    { starts, keyBlocks }: BlockList,
    { from, to }: { readonly from: number; readonly to: number },
    { masses, at, blocks }: Masses,
    { first, keys }: Place,
  ): void {
    const { blockSize } = this.#sizes;
    const present = Math.ceil(keys / blockSize);
    for (let i = from; i < to; i++) {
      const place = starts[i]!;
      const count = starts[i + 1]! - place;
      if (count === 0) continue;
      const own = Math.floor((i + first) / blockSize);
      // Blocks 1 .. end - 1 are chosen from; what follows is forced.
      const end = Math.max(1, Math.min(own - 1, present));
      const last = Math.min(own + 1, present);
      const forced = 1 + Math.max(0, last - end);
      keyBlocks[place] = 0;
      const picked = count - forced;
      if (picked >= end - 1) for (let j = 1; j < end; j++) keyBlocks[place + j] = j;
      else {
        this.#weigh(masses, at + (i - from) * blocks, completeBlocks(Math.min(i + first + 1, keys), this.#sizes), end);
        topKInto(this.#importance, 1, end - 1, picked, keyBlocks, place + 1);
        for (let j = place + 1; j <= place + picked; j++) keyBlocks[j]!++;
      }
      for (let j = end; j < last; j++) keyBlocks[place + 1 + picked + j - end] = j;
    }
  }

  /** How important blocks 1 .. end - 1 are, by the masses of the first `visible` compressed blocks. */
  #weigh(masses: Float32Array, at: number, visible: number, end: number): void {
    if (this.#importance.length < end) this.#importance = new Float32Array(2 * end);
    const importance = this.#importance;
    const weights = this.#weights;
    const { length, stride, blockSize } = this.#sizes;
    const [step, before] = [blockSize / stride, length / stride - 1];
    let j = 1;
    if (step === 4 && before === 1) j = weighFives(importance, masses, at, Math.min(end, Math.floor(visible / 4)));
    for (; j < end; j++) {
      const start = j * step - before;
      const low = Math.max(0, -start);
      const high = Math.min(weights.length, visible - start);
      let sum = 0;
      for (let c = low; c < high; c++) sum += weights[c]! * masses[at + start + c]!;
      importance[j] = sum;
    }
  }
}

/**
 * The same by weights 1, 2, 2, 2, 1, for blocks before `end` all of whose compressed blocks are seen; returns the first that is left. Most of
 * the time of choosing is spent here.
 */
function weighFives(importance: Float32Array, masses: Float32Array, at: number, end: number): number {
  let j = 1;
  // Neighbours share the compressed block at their border.
  let border = masses[at + 3]!;
  for (let c = at + 4; j < end; j++, c += 4) {
    const last = masses[c + 3]!;
    importance[j] = border + 2 * masses[c]! + 2 * masses[c + 1]! + 2 * masses[c + 2]! + last;
    border = last;
  }
  return j;
}
