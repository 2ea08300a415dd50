/**
 * Self-attention as models have it.
 *
 * @module
 */
export type { Attending, MapInputs, SeeingOptions } from "./seeing/attending.ts";
export { attentionMap, mapRow, type AttentionMap, type AttentionMapOptions } from "./seeing/attention-map.ts";
export {
  compareReferences,
  type CompareReferencesOptions,
  type ReferenceComparison,
  type Sight,
} from "./seeing/compare-references.ts";
export { recordCalls, type Recordable, type RecordedCalls } from "./seeing/record-calls.ts";
export type { Reference } from "./seeing/reference.ts";
export { rollout, type RolloutLayer, type RolloutOptions } from "./seeing/rollout.ts";
export { topKeys, type TopKey } from "./seeing/top-keys.ts";
