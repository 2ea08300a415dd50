/**
 * Self-attention as models have it.
 *
 * @module
 */
export type { PaddingAndMask, PairMask } from "./layers/attention-mask.ts";
export type { LayerAttention, LayerCache, LayerTokens } from "./layers/layer-attention.ts";
export type { RunOptions } from "./layers/linear-layer.ts";
export {
  MultiHeadAttention,
  type Context,
  type MultiHeadAttentionOptions,
  type MultiHeadForwardOptions,
  type MultiHeadResult,
} from "./layers/multi-head-attention.ts";
export type { MultiHeadDecoder, MultiHeadDecoderOptions } from "./layers/multi-head-decoder.ts";
export { sequence, type Sequence } from "./layers/sequence.ts";
export type { LoadOptions, State } from "./layers/state.ts";
export { transformerConfig, type TransformerConfig } from "./model/transformer-config.ts";
export type { TransformerDecoder, TransformerDecoderOptions } from "./model/transformer-decoder.ts";
export { Transformer, type LayerChoice, type TokensOptions, type TransformerOptions } from "./model/transformer.ts";
export { encodeSafetensors } from "./safetensors/encode-safetensors.ts";
export { readSafetensors, type ReadSafetensorsOptions } from "./safetensors/read-safetensors.ts";
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
export { recordCalls, type Recordable, type RecordedCalls } from "./seeing/record-calls.ts";
export type { Reference } from "./seeing/reference.ts";
export { rollout, type RolloutLayer, type RolloutOptions } from "./seeing/rollout.ts";
export { topKeys, type TopKey } from "./seeing/top-keys.ts";
