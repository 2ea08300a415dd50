import { type Attention, type Tensor, tensor } from "@saccade/core";
import { numbersOf, type Slice } from "../input/input.ts";

/** The largest difference to float64 over the sampled rows. */
export interface SampledError {
  /** Query rows (positions times heads) that were compared. */
  readonly rows: number;
  /** Infinity when an output was not a number where the reference is one. */
  readonly maxAbsError: number;
  /** Largest magnitude in the reference, the unit in which f32 rounds. */
  readonly maxAbsReference: number;
}

/** Products of pairs that the float64 reference may cost. */
const PAIR_BUDGET = 2 ** 23;

/**
 * Compares an output with the attention's own float64 reference at evenly spread positions, first and last among them, in all heads.
 * Only rows of the sampled positions are computed, so it stays affordable at any length.
 */
export function sampledError(attention: Attention, slice: Slice, out: Tensor): SampledError {
  const error = { rows: 0, maxAbsError: 0, maxAbsReference: 0 };
  const numbers = numbersOf(out);
  for (const position of sampledPositions(slice.q.length, slice.q.heads)) {
    const expected = attention.reference({ ...slice, q: queryAt(slice.q, position), queryOffset: position }).out;
    for (let h = 0; h < out.heads; h++) {
      error.rows++;
      const at = out.offset + h * out.strides.h + position * out.strides.n;
      for (let e = 0; e < out.width; e++) {
        const reference = expected[h * out.width + e]!;
        const difference = Math.abs(numbers[at + e]! - reference);
        error.maxAbsError = Math.max(error.maxAbsError, Number.isNaN(difference) ? Infinity : difference);
        error.maxAbsReference = Math.max(error.maxAbsReference, Math.abs(reference));
      }
    }
  }
  return error;
}

/** The query rows of one position, [1, H, 1, D], as a view. */
export function queryAt(q: Tensor, position: number): Tensor {
  return tensor(q.data, {
    shape: [1, q.heads, 1, q.width],
    offset: q.offset + position * q.strides.n,
    strides: q.strides,
  });
}

/** Between 8 and 64 positions from the first to the last. */
export function sampledPositions(length: number, heads: number): number[] {
  const count = Math.min(length, Math.max(8, Math.min(64, Math.floor(PAIR_BUDGET / (length * heads)))));
  return Array.from({ length: count }, (_, s) => (count === 1 ? 0 : Math.round((s * (length - 1)) / (count - 1))));
}
