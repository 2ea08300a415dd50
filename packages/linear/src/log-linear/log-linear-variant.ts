import type { LinearCall, LinearSizes } from "@saccade/core/variants";

/** What log-linear attention reads beside q, k and v. */
export type LogLinearGate = "decay" | "levels";

/** A call of it, with its options. */
export interface LogLinearCall extends LinearCall<LogLinearGate> {
  readonly levels: number;
  readonly scale: number;
}

/** Index of the state of a batch element and bit, [B, levels - 1, V, D, E], and how many numbers it has. */
export function bucketAt(
  { valueHeads, headDim, valueDim }: LinearSizes,
  levels: number,
  b: number,
  bit: number,
): readonly [at: number, length: number] {
  const length = valueHeads * headDim * valueDim;
  return [(b * (levels - 1) + bit) * length, length];
}
