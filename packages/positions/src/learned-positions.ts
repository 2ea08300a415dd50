import { checkWhole } from "./checks.ts";

/** A table of vectors, one a position. */
export interface LearnedPositions {
  /** Positions that the table has. */
  readonly length: number;
  /** Width of a vector. */
  readonly dim: number;
  /**
   * The vectors of some positions, [positions.length, dim], copied.
   *
   * @throws RangeError for positions that the table does not have.
   */
  lookup(positions: ArrayLike<number>): Float32Array;
  /**
   * Adds the vectors of positions to embeddings, in place.
   *
   * @param x [..., N, dim], contiguous.
   * @param positions [N], or the position of the first token, after which the others follow.
   * @throws RangeError when sizes differ and for positions that the table does not have; nothing is then written.
   */
  add(x: Float32Array, positions: ArrayLike<number> | number, tokens?: number): void;
}

/**
 * Learned positions (Gehring et al., 2017; GPT-2, BERT), or any table of vectors by position, such as `sinusoidal` makes.
 *
 * @param table [length, dim], which is not copied.
 * @throws TypeError when the table is no Float32Array, RangeError when its length is no multiple of `dim`.
 */
export function learnedPositions(table: Float32Array, dim: number): LearnedPositions {
  if (!(table instanceof Float32Array)) throw new TypeError("learnedPositions: expected a table as a Float32Array");
  checkWhole("learnedPositions: dim", dim, 1);
  if (table.length % dim !== 0) {
    throw new RangeError(
      `learnedPositions: the table has ${table.length} numbers, expected a multiple of dim = ${dim}`,
    );
  }
  const length = table.length / dim;
  const rowOf = (where: string, position: number): Float32Array => {
    if (Number.isInteger(position) && position >= 0 && position < length) {
      return table.subarray(position * dim, (position + 1) * dim);
    }
    throw new RangeError(`learnedPositions.${where}: position ${String(position)}, the table has 0..${length - 1}`);
  };
  return {
    length,
    dim,
    lookup(positions) {
      const rows = Array.from(positions, (position) => rowOf("lookup", position));
      const out = new Float32Array(rows.length * dim);
      for (const [i, row] of rows.entries()) out.set(row, i * dim);
      return out;
    },
    add(x, positions, tokens = x.length / dim) {
      const list =
        typeof positions === "number" ? Array.from({ length: tokens }, (_, n) => positions + n) : Array.from(positions);
      if (list.length === 0 ? x.length > 0 : x.length % (list.length * dim) !== 0) {
        throw new RangeError(
          `learnedPositions.add: x has ${x.length} numbers, expected a multiple of N dim = ${list.length * dim}`,
        );
      }
      const rows = list.map((position) => rowOf("add", position));
      for (let at = 0; at < x.length; at += dim) {
        const row = rows[(at / dim) % rows.length]!;
        for (let d = 0; d < dim; d++) x[at + d]! += row[d]!;
      }
    },
  };
}
