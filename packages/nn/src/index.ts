/**
 * Self-attention as models have it.
 *
 * @module
 */
export { encodeSafetensors } from "./safetensors/encode-safetensors.ts";
export type { StoredTensor } from "./safetensors/parse-header.ts";
export {
  parseSafetensors,
  SafetensorsFile,
  type ByteSource,
  type TensorNumbers,
} from "./safetensors/safetensors-file.ts";
export { narrow, widen } from "./safetensors/number-types.ts";
export type { Attending, MapInputs, SeeingOptions } from "./seeing/attending.ts";
export { attentionMap, mapRow, type AttentionMap, type AttentionMapOptions } from "./seeing/attention-map.ts";
export {
  compareReferences,
  type CompareReferencesOptions,
  type ReferenceComparison,
  type Sight,
} from "./seeing/compare-references.ts";
export type { Reference } from "./seeing/reference.ts";
export { rollout, type RolloutLayer, type RolloutOptions } from "./seeing/rollout.ts";
export { topKeys, type TopKey } from "./seeing/top-keys.ts";
