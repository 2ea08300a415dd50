import type { SelectingVariant } from "@saccade/core/variants";
import type { AttentionInputs } from "@saccade/core";
import { checkWhole, shown } from "./checks.ts";
import { commonTerms, type CommonOptions } from "./common-options.ts";

/** What all variants take that select blocks by content. */
export interface SelectingOptions extends Omit<CommonOptions, "score"> {
  /**
   * Lengths of packed documents, in order, at least M together: queries see and select inside their own, whose blocks begin with its
   * first key. Default: one document.
   */
  readonly documents?: ArrayLike<number> | undefined;
}

/** @throws RangeError or TypeError naming the option, what was expected and what came. */
export function selectingTerms(
  where: string,
  options: SelectingOptions,
): Pick<SelectingVariant<AttentionInputs, unknown>, "scale" | "softcap" | "learnedSinks" | "documents"> {
  const { documents } = options;
  const { scale, softcap, learnedSinks } = commonTerms(where, options);
  if (documents === undefined) return { scale, softcap, learnedSinks };
  if (typeof documents?.length !== "number") {
    throw new TypeError(`${where}: documents is ${shown(documents)}, expected a list of lengths`);
  }
  const lengths = Int32Array.from(documents, (length, d) => checkWhole(`${where}: documents[${d}]`, length, 0));
  return { scale, softcap, learnedSinks, documents: lengths };
}
