import type { FeatureMap, LinearCall } from "@saccade/core/variants";

/** A call of it, with its options. */
export interface LolcatsCall extends LinearCall<never> {
  /** W */
  readonly window: number;
  readonly map: FeatureMap;
  /** On scores. */
  readonly scale: number;
  /** Of each query head, [H]. */
  readonly factors: Float64Array;
  readonly stabilised: boolean;
}
