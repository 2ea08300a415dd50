/**
 * What a variant of softmax attention is made of: its definition, its schedule, how its queries and keys are turned, and what its decoder
 * keeps. `softmaxAttention` makes an `Attention` of that, `selectedAttention` one whose queries select by content. A variant of linear
 * attention is settings of the recurrence (`recurrenceVariant`), or steps of its own; `linearAttention` makes a `LinearAttention` of it.
 * For packages of variants; callers of attention need none of it.
 *
 * @module
 */
export { History } from "./decoder/history.ts";
export { bytesOfCache, TokenCache, type CacheSizes } from "./decoder/token-cache.ts";
export type { Retention } from "./decoder/retention.ts";
export { definitionOf, type DefinedPart, type Definition } from "./definition.ts";
export { bandOf, type Band } from "./expression/band-of.ts";
export { boundsOf } from "./expression/bounds.ts";
export { Mask, tellsApart } from "./expression/expression.ts";
export { checkCall, roomFor, type SoftmaxVariant } from "./job.ts";
export {
  pairScores,
  pairScoresSync,
  type PairScoreInputs,
  type PairScoreOptions,
  type SyncPairScoreOptions,
} from "./pair-scores.ts";
export { checkHeadCounts, checkLengths, checkRecurrence, checkSizes } from "./recurrence/check-recurrence.ts";
export { eluPlusOne, elementwise, type FeatureCall, type FeatureMap, type Features } from "./recurrence/feature-map.ts";
export { joinedTokens, keepLast, keptTokens } from "./recurrence/kept-tokens.ts";
export { LinearState, type LinearSizes, type StatePart } from "./recurrence/linear-state.ts";
export {
  channelGate,
  scalarGate,
  type GateShape,
  type LinearCall,
  type LinearVariant,
} from "./recurrence/linear-variant.ts";
export { linearAttention } from "./recurrence/make-linear-attention.ts";
export { asTensor, mapRows, type MappedRow } from "./recurrence/map-rows.ts";
export { cutTokens, panelBytes, panelsOf, type TokenPanel } from "./recurrence/panels.ts";
export { parallelForm, type ParallelOptions } from "./recurrence/parallel-form.ts";
export { loopBytes, recur, recurSync, type RecurOptions, type SyncRecurOptions } from "./recurrence/recur.ts";
export {
  recurrenceReference,
  type DecayRows,
  type RecurrenceReference,
  type RecurrenceTerms,
  type RuleRows,
} from "./recurrence/recurrence-reference.ts";
export type { OperandCall, Operands, RecurrenceSettings } from "./recurrence/recurrence-settings.ts";
export { finished, recurrenceVariant } from "./recurrence/recurrence-variant.ts";
export type { Decay, RecurrenceJob, RecurrenceMode, RecurrenceShape, WriteRule } from "./recurrence/recurrence.ts";
export { clearRows, contiguousRows, numbersOf, repeatedRow, rowAt, tokenRows, type Rows } from "./recurrence/rows.ts";
export { Scratch } from "./recurrence/scratch.ts";
export { copyRows } from "./recurrence/token-log.ts";
export { rowScores, softmaxReference, type ReferenceJob, type RowScores } from "./reference.ts";
export { result as jobResult } from "./run-job.ts";
export { pause } from "./runtime/pause.ts";
export type { AttentionJob, PairReduction, Visibility } from "./runtime/runtime.ts";
export { sharedRuntime, sharedRuntimeSync } from "./runtime/select.ts";
export { bandSchedule, blockPositions, stackedHeads } from "./schedule/band-schedule.ts";
export { scheduleFromChoices, type ChoiceOptions, type Choices } from "./schedule/choice-schedule.ts";
export { KeyRuns } from "./schedule/key-runs.ts";
export { visibilitySchedule } from "./schedule/mask-schedule.ts";
export { reachEnd, reachStart, UNBOUNDED, type Reach } from "./schedule/reach.ts";
export { stackedLists, type CountedList, type Stack } from "./schedule/run-lists.ts";
export {
  FINISH,
  MASKED,
  NO_INDICES,
  PARTIAL,
  TASK_INTS,
  taskRow,
  type Schedule,
  type TaskList,
} from "./schedule/schedule.ts";
export { TaskWriter, type BlockRows, type TaskKeys } from "./schedule/task-writer.ts";
export { meanOfKeys, summaryFloats, type BlockFold } from "./selected/block-summary.ts";
export { callParts, cut, partOf, type CallPart } from "./selected/call-part.ts";
export { keepBlocks, summariseBlocks } from "./selected/kept-blocks.ts";
export { rowsAtOnce } from "./selected/rows-at-once.ts";
export { selectedAttention } from "./selected/selected-attention.ts";
export { chosenPairs, selectedSchedule, type SelectedBlocks } from "./selected/selected-blocks.ts";
export { massOf, measureMass, sampledQueries } from "./selected/selected-mass.ts";
export type {
  ExpectedSelection,
  Kept,
  KeptSizes,
  SelectingCall,
  SelectingVariant,
  TokensFromTo,
} from "./selected/selecting-variant.ts";
export {
  attend,
  breathe,
  recur as recurStep,
  run,
  runSync,
  scores,
  type Step,
  type Steps,
  type StepsOptions,
} from "./selected/steps.ts";
export type { AttentionShape, Positions } from "./shape.ts";
export { softmaxAttention } from "./softmax-attention.ts";
export { floatsOf } from "./tensor.ts";
export { bf16Bits, bf16Value, f16Bits, f16Value } from "./stored.ts";
export { plainTurning, type Rotary, type Turning } from "./turning.ts";
