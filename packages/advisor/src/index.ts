/**
 * Which attention for a workload.
 *
 * @module
 */
export type {
  Candidate,
  CandidateCode,
  CandidateDecoder,
  CandidateInput,
  CandidatePlan,
  CandidateShape,
  CandidateTokens,
  Family,
} from "./catalogue/candidate.ts";
export { candidate } from "./catalogue/candidate-of.ts";
export { parseVariant, variantId } from "./catalogue/parse-variant.ts";
export type { CatalogueVariant, VariantOption, VariantSpec } from "./catalogue/variant-spec.ts";
export { VARIANTS } from "./catalogue/variants.ts";
export { calibrate, type CalibrateOptions } from "./cost/calibrate.ts";
export type { CalibrationPlace } from "./cost/calibration-file.ts";
export type { Calibration, Correction } from "./cost/calibration.ts";
export { fastest, type FastestOptions } from "./cost/fastest.ts";
export {
  predictDecode,
  predictMemory,
  predictPrefill,
  type PredictedMemory,
  type PredictedTime,
} from "./cost/predict.ts";
export type { AccuracyStatement } from "./recommend/accuracy.ts";
export { readEvidence, type EvidenceCell, type Metric } from "./recommend/evidence.ts";
export type { ModelPlan } from "./recommend/model-plan.ts";
export type { PerHeadPlan } from "./recommend/per-head-plan.ts";
export { recommend, type RecommendOptions } from "./recommend/recommend.ts";
export type { Choice, Recommendation, Rejected } from "./recommend/recommendation.ts";
export { PHASES, PRETRAINED, RUNTIMES, TASKS, type RecommendRequest, type WholeRequest } from "./recommend/request.ts";
