/** Sizes of one attention call. */
export interface AttentionShape {
  /** B */
  readonly batch: number;
  /** H, query heads */
  readonly heads: number;
  /** G, key and value heads; divides H */
  readonly kvHeads: number;
  /** N */
  readonly queries: number;
  /** M */
  readonly keys: number;
  /** D, width of queries and keys */
  readonly headDim: number;
  /** E, width of values */
  readonly valueDim: number;
}
