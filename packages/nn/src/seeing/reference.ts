/** A query and the key that it is expected to look at: "it" and "suitcase". */
export interface Reference {
  /** i, by index. */
  readonly query: number;
  /** j, by index. */
  readonly key: number;
}
