import type { Family } from "./candidate.ts";

/** A variant with options, as command lines, files and results write it: `window:1024:sinks=4`. */
export interface VariantSpec {
  /** Its name in the catalogue. */
  readonly variant: string;
  /** Those that differ from their defaults, and the main one. */
  readonly options: Readonly<Record<string, number | string>>;
}

/** An option of a variant in the catalogue. Integers, unless it says otherwise. */
export interface VariantOption {
  readonly description: string;
  readonly default: number | string;
  /** Least number, where numbers are expected. Default 0. */
  readonly least?: number | undefined;
  /** Greatest number. Default 2^30. */
  readonly most?: number | undefined;
  /** Whether numbers between the integers are expected as well. Default false. */
  readonly fractions?: boolean | undefined;
  /** Words to choose from, where words are expected. */
  readonly words?: readonly string[] | undefined;
}

/** What the catalogue has under a name. */
export interface CatalogueVariant {
  readonly name: string;
  /** One line, without settings. */
  readonly description: string;
  readonly family: Family;
  readonly packageName: string;
  /** The option whose value may follow the name: `window:1024`. */
  readonly main: string | undefined;
  readonly options: Readonly<Record<string, VariantOption>>;
  /** Whether it is dense attention's result whatever the content. */
  readonly exact: boolean;
  /** Whether weights must be trained with it. */
  readonly needsTraining: boolean;
}
