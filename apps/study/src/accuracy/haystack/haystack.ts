import { type Tensor, tensor } from "@saccade/core";
import { matchGain } from "../../heads/gain.ts";
import { mix32 } from "../../text/n-grams.ts";
import { integerAt, seedFor } from "../draws.ts";

/** D and E of a haystack, whatever the input's: how long a text 64 numbers can tell keys apart in does not depend on the input then. */
export const WIDTH = 64;
/** Values that can be named: code c is 1 in column c and 0 elsewhere, so that column c of an output is the weight on values of code c. As many as E. */
export const CODES = 64;
/** Tokens that a hidden thing takes where there is room: a sentence is not one token. */
export const SPAN = 8;

const MARGIN = 3;
const [KEYS, VALUES, IDLE] = [1, 2, 3];

/** A key [D] of length 1 and the value [E] that stands under it. */
export interface Association {
  readonly key: Float32Array;
  readonly value: Float32Array;
}

/**
 * T texts of N tokens, each a batch element of its own, with things hidden in them. What is not hidden is hay: keys of random directions
 * and length 1, and random codes for values. Query and key of the same direction have the logit `matchGain(N, D, 3)`, which is just
 * enough for one key to hold 95% of dense attention among N others.
 */
export class Haystack {
  readonly length: number;
  readonly trials: number;
  /** [T, 1, N, D] */
  readonly k: Tensor;
  /** [T, 1, N, E] */
  readonly v: Tensor;
  readonly #keys: Float32Array;
  readonly #values: Float32Array;

  constructor(length: number, trials: number) {
    this.length = length;
    this.trials = trials;
    this.#keys = new Float32Array(trials * length * WIDTH);
    this.#values = new Float32Array(trials * length * WIDTH);
    this.k = tensor(this.#keys, { shape: [trials, 1, length, WIDTH] });
    this.v = tensor(this.#values, { shape: [trials, 1, length, WIDTH] });
  }

  /** Makes one text nothing but hay. */
  fill(trial: number, seed: number): void {
    const start = trial * this.length * WIDTH;
    this.#values.fill(0, start, start + this.length * WIDTH);
    const [keys, values] = [seedFor(seed, KEYS, 0), seedFor(seed, VALUES, 0)];
    for (let position = 0; position < this.length; position++) {
      const at = start + position * WIDTH;
      writeDirection(keys, position, 1, this.#keys, at);
      this.#values[at + integerAt(values, position, CODES)] = 1;
    }
  }

  /** Hides an association in the tokens first .. first + span - 1 of one text. */
  hide(trial: number, first: number, span: number, { key, value }: Association): void {
    for (let position = first; position < first + span; position++) {
      const at = (trial * this.length + position) * WIDTH;
      this.#keys.set(key, at);
      this.#values.set(value, at);
    }
  }
}

/** Writes queries that ask for nothing that is there: random directions, as long as questions are. */
export function writeIdleQueries(seed: number, length: number, into: Float32Array, at: number): void {
  const height = questionLength(length);
  const idle = seedFor(seed, IDLE, 0);
  for (let position = 0; position < length; position++) {
    writeDirection(idle, position, height, into, at + position * WIDTH);
  }
}

/** The length of a query whose logit with a key of its direction and length 1 is the gain, after attention's 1 / sqrt(D). */
export function questionLength(length: number): number {
  return matchGain(length, WIDTH, MARGIN) * Math.sqrt(WIDTH);
}

/** Direction `index` of a seed, [D] of length 1. */
export function direction(seed: number, index: number): Float32Array {
  const into = new Float32Array(WIDTH);
  writeDirection(seed, index, 1, into, 0);
  return into;
}

/**
 * Nearly normal numbers, each the sum of the four bytes of a hash, brought to a length. Signs would be cheaper, but largest and
 * smallest numbers of a few keys, by which some variants select, would then be the same everywhere.
 */
function writeDirection(seed: number, index: number, length: number, into: Float32Array, at: number): void {
  const first = mix32(seed ^ Math.imul(index + 1, 0x9e3779b1));
  let squares = 0;
  for (let i = 0; i < WIDTH; i++) {
    const bits = mix32(first + i);
    const x = (bits & 255) + ((bits >>> 8) & 255) + ((bits >>> 16) & 255) + (bits >>> 24) - 510;
    into[at + i] = x;
    squares += x * x;
  }
  const factor = length / Math.sqrt(squares);
  for (let i = 0; i < WIDTH; i++) into[at + i]! *= factor;
}

/** The value of a code. */
export function codeValue(code: number): Float32Array {
  const value = new Float32Array(CODES);
  value[code] = 1;
  return value;
}

/** The code that an output names: that of its largest column. -1 where no column is larger than all others. */
export function namedCode(out: Float32Array): number {
  let [named, best, next] = [-1, -Infinity, -Infinity];
  for (const [code, weight] of out.entries()) {
    if (Number.isNaN(weight)) return -1;
    if (weight > best) [named, best, next] = [code, weight, best];
    else next = Math.max(next, weight);
  }
  return best > next ? named : -1;
}
