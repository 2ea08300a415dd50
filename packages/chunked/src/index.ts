/**
 * Attention in chunks: inside them, across them, and prompts that are run in pieces.
 *
 * @module
 */
export { chunkLocal, type ChunkLocalOptions } from "./chunk-local.ts";
export {
  chunkedPrefill,
  type ChunkedPrefill,
  type ChunkedPrefillOptions,
  type PrefillOptions,
  type PrefillResult,
} from "./chunked-prefill.ts";
export { compressiveMemory, type CompressiveMemoryOptions } from "./compressive-memory/compressive-memory.ts";
export type { CommonOptions } from "./common-options.ts";
export { dualChunk, type DualChunkOptions } from "./dual-chunk.ts";
export { dilatedSegments, type DilatedSegmentsOptions } from "./dilated-segments.ts";
export type { RelativeBias } from "./relative-bias.ts";
export { segmentRecurrence, type SegmentRecurrenceOptions } from "./segment-recurrence.ts";
