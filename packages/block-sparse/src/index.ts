/**
 * Block-sparse attention: lists of blocks, patterns that are fixed by position, and blocks that are selected by content.
 *
 * @module
 */
export { aShape, type AShapeOptions } from "./a-shape.ts";
export { bigBird, type BigBirdOptions } from "./big-bird.ts";
export type { BlockLists } from "./block-list.ts";
export { blockSparse, type BlockSparseOptions } from "./block-sparse.ts";
export type { CommonOptions } from "./common-options.ts";
export { cumulative, type CumulativeOptions } from "./cumulative.ts";
export {
  estimateVerticalSlash,
  type EstimateVerticalSlashOptions,
  type PromptAttention,
  type VerticalSlashEstimate,
} from "./estimate-vertical-slash.ts";
export { indexTopK, type IndexInputs, type IndexTopKOptions } from "./index-top-k.ts";
export type { GatedAttention, GatedDecoder, GatedDecoderInputs, GatedResultFor } from "./gated-attention.ts";
export { nativeSparse, type NativeSparseOptions } from "./native-sparse.ts";
export type { NativeSparseInputs, OwnBranch } from "./native-sparse-inputs.ts";
export { oracleBlocks, type OracleBlocksOptions } from "./oracle-blocks.ts";
export { pageSelect, type PageSelectOptions } from "./page-select.ts";
export type { AShapePattern, BlocksPattern, HeadPattern, VerticalSlashPattern } from "./head-pattern.ts";
export { searchPattern, type FoundPattern, type SearchPatternOptions } from "./search-pattern.ts";
export type { SelectingOptions } from "./selecting-options.ts";
export { topKBlocks, type TopKBlocksOptions } from "./top-k-blocks.ts";
export { document, type DocumentOptions } from "./document.ts";
export { fixed, type FixedOptions } from "./fixed.ts";
export { longformer, type LongformerOptions } from "./longformer.ts";
export { perHead } from "./per-head.ts";
export { strided, type StridedOptions } from "./strided.ts";
export { verticalSlash, type VerticalSlashOptions } from "./vertical-slash.ts";
export type { VerticalSlashLists } from "./vertical-slash-lists.ts";
