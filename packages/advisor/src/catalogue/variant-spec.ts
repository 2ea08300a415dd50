/** A variant with options, as command lines, files and results write it: `window:1024:sinks=4`. */
export interface VariantSpec {
  /** Its name in the catalogue. */
  readonly variant: string;
  /** Those that differ from their defaults, and the main one. */
  readonly options: Readonly<Record<string, number | string>>;
}

/** An option of a variant in the catalogue. */
export interface VariantOption {
  readonly description: string;
  /** undefined where it must be given. */
  readonly default: number | string | undefined;
  /** Least number, where numbers are expected. */
  readonly least?: number | undefined;
  /** Words to choose from, where words are expected. */
  readonly words?: readonly string[] | undefined;
}
