import type { AttentionInputs, ForwardOptions } from "./attention.ts";
import type { ReferenceJob } from "./reference.ts";
import type { CallPart } from "./selected/call-part.ts";

/** A part of a call with all that defines its rows: what they see, and with which scores. Its positions count from the part's first key. */
export interface DefinedPart extends ReferenceJob {
  readonly part: CallPart;
}

/**
 * What a call computes, without computing it: parts that together hold every row that sees a key. Queries are turned and blocks selected
 * as `forward` does it.
 */
export type Definition<I extends AttentionInputs = AttentionInputs> = (
  where: string,
  inputs: I,
  options?: Pick<ForwardOptions, "runtime" | "threads" | "signal">,
) => Promise<readonly DefinedPart[]>;

const definitions = new WeakMap<object, Definition>();

/** Notes how calls of an attention are defined. */
export function define<I extends AttentionInputs>(attention: object, definition: Definition<I>): void {
  definitions.set(attention, definition as Definition);
}

/**
 * How calls of an attention are defined, for those whose rows are one softmax over keys. Undefined for attentions that are made of several,
 * or that were made elsewhere.
 */
export function definitionOf(attention: object): Definition | undefined {
  return definitions.get(attention);
}
