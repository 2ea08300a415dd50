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
