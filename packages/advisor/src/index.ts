/**
 * Which attention for a workload.
 *
 * @module
 */
export type {
  Candidate,
  CandidateDecoder,
  CandidatePlan,
  CandidateShape,
  CandidateTokens,
  Family,
} from "./catalogue/candidate.ts";
export type { VariantOption, VariantSpec } from "./catalogue/variant-spec.ts";
