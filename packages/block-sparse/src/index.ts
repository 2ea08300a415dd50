/**
 * Block-sparse attention: lists of blocks, patterns that are fixed by position, and blocks that are selected by content.
 *
 * @module
 */
export { blockSparse, type BlockSparseOptions } from "./block-sparse.ts";
export type { CommonOptions } from "./common-options.ts";
export { cumulative, type CumulativeOptions } from "./cumulative.ts";
export { indexTopK, type IndexInputs, type IndexTopKOptions } from "./index-top-k.ts";
export { oracleBlocks, type OracleBlocksOptions } from "./oracle-blocks.ts";
export { pageSelect, type PageSelectOptions } from "./page-select.ts";
export type { SelectingOptions } from "./selecting-options.ts";
export { topKBlocks, type TopKBlocksOptions } from "./top-k-blocks.ts";
