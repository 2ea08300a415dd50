/**
 * Which attention for a workload.
 *
 * @module
 */
export type {
  Candidate,
  CandidateCode,
  CandidateDecoder,
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
