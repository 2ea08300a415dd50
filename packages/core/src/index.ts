export type {
  Attention,
  AttentionInputs,
  AttentionResult,
  ForwardOptions,
  PartialResult,
  ReferenceResult,
  ResultFor,
  Selection,
  SyncForwardOptions,
} from "./attention.ts";
export type {
  AppendOptions,
  Checkpoint,
  Decoder,
  DecoderInputs,
  DecoderOptions,
  SyncAppendOptions,
} from "./decoder/decoder.ts";
export { dense, type DenseOptions } from "./dense.ts";
export type { DrawOptions } from "./expression/draw.ts";
export type { LookupArray } from "./expression/evaluate.ts";
export {
  and,
  mask,
  not,
  or,
  parseMask,
  score,
  type ExpressionValue,
  type Mask,
  type Pair,
  type Score,
  type ScoredPair,
} from "./expression/expression.ts";
export { merge, type MergeOptions, type MergeResult } from "./merge.ts";
export type { Plan, PlanShape } from "./plan.ts";
export {
  matmul,
  matmulSync,
  packWeights,
  packWeightsSync,
  type MatmulOptions,
  type MatmulResult,
  type PackOptions,
  type SyncMatmulOptions,
  type SyncPackOptions,
} from "./product/matmul.ts";
export type { PackedWeights, Weights, WeightMatrix, WeightType } from "./product/weights.ts";
export type {
  Gate,
  LinearAttention,
  LinearInputs,
  LinearOptions,
  LinearPlan,
  LinearPlanShape,
  LinearReference,
  LinearResult,
  LinearResultFor,
  LinearSizeOptions,
  LinearTokens,
  SyncLinearOptions,
} from "./recurrence/linear-attention.ts";
export type {
  LinearAppendOptions,
  LinearDecoder,
  LinearDecoderOptions,
  SyncLinearAppendOptions,
} from "./recurrence/linear-decoder.ts";
export type { LinearSizes, LinearState } from "./recurrence/linear-state.ts";
export {
  rotate,
  rotateInto,
  rotateSync,
  type RotateOptions,
  type RotateResult,
  type SyncRotateOptions,
} from "./rotate.ts";
export type { Rotation, RotationJob, RotationPairs, TokenPositions } from "./rotation.ts";
export type { OpenOptions, RunInfo, Runtime, RuntimeBuffer, RuntimeName } from "./runtime/runtime.ts";
export { openRuntime, openRuntimeSync } from "./runtime/select.ts";
export { workerSource } from "./runtime/wasm/worker-source.ts";
export type { BlockList } from "./schedule/block-list.ts";
export { scheduleFromBlocks, type BlockListOptions } from "./schedule/block-list-schedule.ts";
export { drawSchedule, type DrawScheduleOptions } from "./schedule/draw-schedule.ts";
export { maskSchedule } from "./schedule/mask-schedule.ts";
export type { Reach } from "./schedule/reach.ts";
export type { Schedule, TaskList } from "./schedule/schedule.ts";
export { transposeSchedule } from "./schedule/transpose-schedule.ts";
export { visiblePairs } from "./schedule/visible-pairs.ts";
export type { SampleOptions, SelectedMass } from "./selected/selected-mass.ts";
export type {
  SelectedAppendOptions,
  SelectedAttention,
  SelectedDecoder,
  SelectedDecoderInputs,
  SelectedForwardOptions,
  SelectedPairs,
  SelectedPart,
  SelectedPlan,
  SelectedReferenceOptions,
  SelectedResultFor,
  SelectedSyncAppendOptions,
  SelectedSyncForwardOptions,
} from "./selected/selected-options.ts";
export type { StoredType } from "./stored.ts";
export type { MixDecoder, MixOptions, MixResult, SyncMixOptions, TokenMixer } from "./token-mixer.ts";
export type { Rotary } from "./turning.ts";
export type { AttentionShape, Positions } from "./shape.ts";
export {
  biasTensor,
  maskTensor,
  tensor,
  type BiasTensor,
  type Layout,
  type MaskTensor,
  type Strides,
  type Tensor,
  type TensorOptions,
} from "./tensor.ts";
