/**
 * Positions for attention: rotary embeddings and their scalings, ALiBi, sinusoidal and learned tables, T5 buckets.
 *
 * @module
 */
export { alibi, alibiScore, type AlibiOptions } from "./alibi.ts";
export { learnedPositions, type LearnedPositions } from "./learned-positions.ts";
export { relativeBias, t5Bias, type T5BiasOptions } from "./relative-bias.ts";
export { rope, type Rope, type RopeOptions, type RopeRotateOptions, type SyncRopeRotateOptions } from "./rope.ts";
export type {
  DynamicNtkScaling,
  LinearScaling,
  Llama3Scaling,
  NtkScaling,
  RopeScaling,
  YarnScaling,
} from "./rope-scaling.ts";
export { sinusoidal, type SinusoidalOptions } from "./sinusoidal.ts";
export { t5Buckets, type T5BucketOptions } from "./t5-buckets.ts";
