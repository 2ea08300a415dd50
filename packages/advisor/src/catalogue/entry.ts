import type { Selection } from "@saccade/core";
import type { Construction } from "./construction.ts";
import type { TokenInput } from "./made-inputs.ts";
import type { OptionValues } from "./option-values.ts";
import type { CatalogueVariant } from "./variant-spec.ts";

/** A variant of the catalogue with all that candidates are made of. */
export interface Entry extends CatalogueVariant {
  readonly selection: Selection;
  /**
   * `softmax`: an attention whose rows are each a softmax of unchanged scores over some of the keys. `mixture`: an attention of another
   * kind, whose log-sum-exp, if it has one, does not compare with dense attention's. `recurrence`: linear attention.
   */
  readonly kind: "softmax" | "mixture" | "recurrence";
  /** Settings in words, or nothing where the description says all. */
  readonly settings: (given: OptionValues) => string;
  readonly construction: (given: OptionValues) => Construction;
  /** What calls bring beside q, k and v, and the candidate makes. Default nothing. */
  readonly inputs?: ((given: OptionValues) => readonly TokenInput[]) | undefined;
  /** Tokens that a sequence has at most. Default 2^30. */
  readonly most?: ((given: OptionValues) => number) | undefined;
  /** Why there is no decoder, where there is none. */
  readonly noDecoder?: string | undefined;
}

/** An option of yes and no. */
export function yesOrNo(description: string, otherwise: "yes" | "no"): CatalogueVariant["options"][string] {
  return { description, default: otherwise, words: ["yes", "no"] };
}

export const CAUSAL: CatalogueVariant["options"][string] = yesOrNo("hide keys after the query's own position", "yes");
