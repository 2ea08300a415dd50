import type { Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import { shown } from "./checks.ts";

/** The position terms of Transformer-XL's scores. Held, not copied: they must not change. */
export interface RelativeBias {
  /** r, [H, segment + memory, D]: the projected embedding of every distance, 0 first. */
  readonly keys: Float32Array;
  /** u, [H, D]: what is added to queries where they meet keys. */
  readonly contentBias: Float32Array;
  /** v, [H, D]: what is added to queries where they meet distances. */
  readonly positionBias: Float32Array;
}

/** Rows and distances of a tile, whose sums stay in registers. */
const TILE = 4;

/** Queries of one batch element that stand in the keys they see, query 0 at key `first`. */
export interface RelativeRows {
  readonly first: number;
  readonly keys: number;
}

/** A relative bias as numbers to be added to scores. */
export class RelativeTables {
  /** segment + memory */
  readonly distances: number;
  readonly #name: string;
  readonly #bias: RelativeBias;
  /** r in float64, the distances of every head filled up to whole tiles, for the number of heads last asked for. */
  #keys = new Float64Array(0);
  #heads = -1;

  /** @throws TypeError for what is no array of floats. */
  constructor(name: string, bias: RelativeBias, distances: number) {
    for (const what of ["keys", "contentBias", "positionBias"] as const) {
      if (bias?.[what] instanceof Float32Array) continue;
      throw new TypeError(`${name}: relativeBias.${what} is ${shown(bias?.[what])}, expected a Float32Array`);
    }
    this.#name = name;
    this.#bias = bias;
    this.distances = distances;
  }

  /** @throws RangeError when the numbers are not those of q's H heads of D. */
  check({ heads, width }: Tensor): RelativeBias {
    const sizes = { keys: heads * this.distances * width, contentBias: heads * width, positionBias: heads * width };
    for (const what of ["keys", "contentBias", "positionBias"] as const) {
      const got = this.#bias[what].length;
      if (got === sizes[what]) continue;
      const letters = what === "keys" ? "H (segment + memory) D" : "H D";
      throw new RangeError(
        `${this.#name}: relativeBias.${what} has ${got} numbers, expected ${letters} = ${sizes[what]}`,
      );
    }
    return this.#bias;
  }

  /** q + u of one batch element, [1, H, N, D]. */
  contentQueries(q: Tensor): Tensor {
    const { heads, length, width } = q;
    const data = new Float32Array(heads * length * width);
    addTo(data, length, q, this.#bias.contentBias);
    const strides = { b: data.length, h: length * width, n: width };
    return { data, batch: 1, heads, length, width, layout: "bhnd", offset: 0, strides };
  }

  /**
   * Writes scale (q + v) . r into [H, N, keys], for keys up to every query's own; others stay as they are.
   *
   * @returns in steps of less than a millisecond.
   */
  *biasInSteps(bias: Float32Array, q: Tensor, scale: number, { first, keys }: RelativeRows): Generator<undefined> {
    const { heads, length, width } = q;
    const rows = padded(length);
    const queries = new Float64Array(heads * rows * width);
    addTo(queries, rows, q, this.#bias.positionBias);
    const table = this.#padded(heads, width);
    const sums = new Float64Array(TILE * TILE);
    for (let h = 0; h < heads; h++) {
      const tableAt = h * padded(this.distances) * width;
      for (let i = 0; i < length; i += TILE) {
        const most = first + Math.min(i + TILE, length) - 1;
        for (let distance = 0; distance <= most; distance += TILE) {
          multiply(sums, queries, (h * rows + i) * width, table, tableAt + distance * width, width);
          for (let at = 0; at < sums.length; at++) {
            const row = i + (at >> 2);
            const key = first + row - distance - (at & 3);
            if (row < length && key >= 0 && key < keys) bias[(h * length + row) * keys + key] = scale * sums[at]!;
          }
        }
        yield;
      }
    }
  }

  #padded(heads: number, width: number): Float64Array {
    if (this.#heads === heads) return this.#keys;
    const [numbers, room] = [this.distances * width, padded(this.distances) * width];
    this.#keys = new Float64Array(heads * room);
    for (let h = 0; h < heads; h++) {
      this.#keys.set(this.#bias.keys.subarray(h * numbers, (h + 1) * numbers), h * room);
    }
    this.#heads = heads;
    return this.#keys;
  }
}

function padded(rows: number): number {
  return Math.ceil(rows / TILE) * TILE;
}

/** Rows of all heads plus a bias of their head, into [H, rows, D]. */
function addTo(to: Float32Array | Float64Array, rows: number, q: Tensor, bias: Float32Array): void {
  const { heads, length, width, offset, strides } = q;
  const from = floatsOf(q);
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < length; i++) {
      const source = offset + h * strides.h + i * strides.n;
      const target = (h * rows + i) * width;
      for (let d = 0; d < width; d++) to[target + d] = from[source + d]! + bias[h * width + d]!;
    }
  }
}

/** Products of four rows with four others, written out: sums in an array would be stored at every step. */
function multiply(sums: Float64Array, a: Float64Array, aAt: number, b: Float64Array, bAt: number, width: number): void {
  let s00 = 0;
  let s01 = 0;
  let s02 = 0;
  let s03 = 0;
  let s10 = 0;
  let s11 = 0;
  let s12 = 0;
  let s13 = 0;
  let s20 = 0;
  let s21 = 0;
  let s22 = 0;
  let s23 = 0;
  let s30 = 0;
  let s31 = 0;
  let s32 = 0;
  let s33 = 0;
  for (let d = 0; d < width; d++) {
    const a0 = a[aAt + d]!;
    const a1 = a[aAt + width + d]!;
    const a2 = a[aAt + 2 * width + d]!;
    const a3 = a[aAt + 3 * width + d]!;
    const b0 = b[bAt + d]!;
    const b1 = b[bAt + width + d]!;
    const b2 = b[bAt + 2 * width + d]!;
    const b3 = b[bAt + 3 * width + d]!;
    s00 += a0 * b0;
    s01 += a0 * b1;
    s02 += a0 * b2;
    s03 += a0 * b3;
    s10 += a1 * b0;
    s11 += a1 * b1;
    s12 += a1 * b2;
    s13 += a1 * b3;
    s20 += a2 * b0;
    s21 += a2 * b1;
    s22 += a2 * b2;
    s23 += a2 * b3;
    s30 += a3 * b0;
    s31 += a3 * b1;
    s32 += a3 * b2;
    s33 += a3 * b3;
  }
  sums[0] = s00;
  sums[1] = s01;
  sums[2] = s02;
  sums[3] = s03;
  sums[4] = s10;
  sums[5] = s11;
  sums[6] = s12;
  sums[7] = s13;
  sums[8] = s20;
  sums[9] = s21;
  sums[10] = s22;
  sums[11] = s23;
  sums[12] = s30;
  sums[13] = s31;
  sums[14] = s32;
  sums[15] = s33;
}
