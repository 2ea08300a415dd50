import { PARTIAL, type TaskWriter } from "@saccade/core/variants";

/** Full tasks end at multiples of the kernels' tile of keys, so that only a block's last tile is not whole. */
const KEY_ALIGNMENT = 128;

/** Positions of the first and last row of a block. */
export interface BlockPositions {
  readonly first: number;
  readonly last: number;
}

interface CausalKeys {
  /** The first key of all rows; may be negative. */
  readonly from: number;
  /** One past the last key that there is. */
  readonly to: number;
  /** Whether a mask or a bias can hide any pair. */
  readonly pairTerms: boolean;
}

/** Keys from one on, up to every row's own: those that all rows see as a full task, the others as a partial one. */
export function putCausal(
  writer: TaskWriter,
  { first, last }: BlockPositions,
  { from, to, pairTerms }: CausalKeys,
): void {
  const start = Math.max(0, from);
  const end = Math.min(to, last + 1);
  if (end <= start) return;
  let inner = Math.min(end, Math.max(start, first + 1));
  if (inner < end) inner = Math.max(start, Math.floor(inner / KEY_ALIGNMENT) * KEY_ALIGNMENT);
  if (pairTerms) inner = start;
  writer.put({ start, count: inner - start });
  writer.put({ start: inner, count: end - inner, flags: PARTIAL });
}
