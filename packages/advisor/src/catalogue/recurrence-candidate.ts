import type { DecoderOptions, LinearPlan, LinearPlanShape, MixDecoder, MixOptions, MixResult } from "@saccade/core";
import { InputsDecoder } from "./candidate-decoder.ts";
import type { Candidate, CandidatePlan, CandidateShape, CandidateTokens } from "./candidate.ts";
import { checkMost, headSizes, refusalOf } from "./candidate-shape.ts";
import type { Making } from "./candidate-of.ts";
import type { HeadSizes } from "./construction.ts";
import { KeptInputs } from "./kept-inputs.ts";

/** `LinearAttention`, whatever gates it reads. */
interface AnyRecurrence {
  readonly causal: boolean;
  forward(inputs: CandidateTokens, options?: MixOptions): Promise<MixResult>;
  plan(shape: LinearPlanShape): LinearPlan;
  decoder(options: Omit<DecoderOptions, "dtype">): MixDecoder;
}

/** What is a recurrence's own about a candidate. */
export function recurrenceParts(
  making: Making,
): Pick<Candidate, "softmax" | "noDecoder" | "refuses" | "plan" | "forward" | "decoder"> {
  const { id, inputs, most } = making;
  const kept = new KeptInputs(inputs);
  const variantFor = (sizes: HeadSizes): AnyRecurrence => making.variant(sizes) as AnyRecurrence;
  const { causal } = variantFor({ heads: 1, kvHeads: 1, headDim: 64 });
  const noDecoder = causal ? undefined : "tokens see later ones";
  const check = ({ queries, keys = queries }: CandidateShape): void => {
    if (keys !== queries) {
      const got = `N = ${queries} and M = ${keys}`;
      throw new RangeError(`variant "${id}": a recurrence takes queries and keys of the same tokens, got ${got}`);
    }
    checkMost(id, most, keys);
  };
  const plan = (shape: CandidateShape): CandidatePlan => {
    check(shape);
    const sizes = headSizes(shape);
    const { flops, bytesRead, workspaceBytes, cacheBytes, exact } = variantFor(sizes).plan(shape);
    const made = kept.bytes({ ...sizes, tokens: shape.queries });
    return {
      ...{ flops, bytesRead, cacheBytes, exact },
      selectingFlops: 0,
      workspaceBytes: workspaceBytes + made,
      visitedPairs: undefined,
      visiblePairs: undefined,
    };
  };
  return {
    softmax: undefined,
    noDecoder,
    refuses: (shape) => refusalOf(plan, shape, check),
    plan,
    forward: (tokens, options) => variantFor(headSizes(tokens)).forward({ ...tokens, ...kept.of(tokens, 0) }, options),
    decoder(options) {
      if (noDecoder !== undefined) throw new TypeError(`variant "${id}" has no decoder: ${noDecoder}`);
      return new InputsDecoder(variantFor(headSizes(options)).decoder(options), inputs);
    },
  };
}
