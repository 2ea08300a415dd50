import type { Gate, LinearTokens } from "@saccade/core";
import type { Operands, RecurrenceSettings, Steps } from "@saccade/core/variants";

/** Settings of variants whose queries and keys are taken as they are. */
export const PLAIN: Pick<
  RecurrenceSettings<never>,
  "features" | "normalised" | "relative" | "causal" | "ruleFlops" | "operandBytes"
> = {
  features: (headDim) => headDim,
  normalised: false,
  relative: false,
  causal: true,
  ruleFlops: 0,
  operandBytes: () => 0,
};

/** Operands that are there already. */
export function taken<G extends Gate>(
  of: (inputs: LinearTokens<G>) => Partial<Operands>,
): (call: { readonly inputs: LinearTokens<G> }) => Steps<Operands> {
  // Nothing to do, and nothing to wait for.
  // oxlint-disable-next-line require-yield
  return function* operands({ inputs }): Steps<Operands> {
    const { q, k, v } = inputs;
    return { q, k, v, decay: { kind: "none" }, rule: { kind: "additive" }, ...of(inputs) };
  };
}
