/** What all variants take. */
export interface ScaleOption {
  /** Factor on outputs. Default: the variant's own. */
  readonly scale?: number | undefined;
}
