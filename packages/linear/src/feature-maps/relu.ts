import { elementwise, type FeatureMap } from "@saccade/core/variants";

/** max(x, 0). A query whose products with all keys are 0 gives 0. Scale 1/sqrt(D) without a normaliser. */
export function relu(): FeatureMap {
  return elementwise("relu", true, (x) => Math.max(x, 0));
}
