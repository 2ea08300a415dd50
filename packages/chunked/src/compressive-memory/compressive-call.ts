import type { LinearCall } from "@saccade/core/variants";

/** A call of compressive memory, with its options. */
export interface CompressiveCall extends LinearCall<never> {
  /** C */
  readonly segment: number;
  /** Share of the memory in the output of each query head, [H]. */
  readonly shares: Float64Array;
  /** Whether a segment writes only what the memory does not recall of its keys yet. */
  readonly delta: boolean;
  /** On scores. */
  readonly scale: number;
}
