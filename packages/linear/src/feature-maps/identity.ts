import type { FeatureMap } from "@saccade/core/variants";

/** Queries and keys as they are. Their products may be negative, so that there is no normaliser. Scale 1/sqrt(D). */
export function identity(): FeatureMap {
  return {
    name: "identity",
    positive: false,
    relative: false,
    features: (headDim) => headDim,
    held: () => 0,
    scale: (headDim) => 1 / Math.sqrt(headDim),
    // Nothing to do, and nothing to wait for.
    // oxlint-disable-next-line require-yield
    *map({ x }) {
      return { rows: x };
    },
  };
}
