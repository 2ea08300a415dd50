import type {
  Attention,
  AttentionInputs,
  DecoderOptions,
  ForwardOptions,
  MixDecoder,
  MixOptions,
  MixResult,
  Plan,
  PlanShape,
  SelectedPlan,
  SyncForwardOptions,
} from "@saccade/core";
import type { Candidate, CandidatePlan, CandidateShape, CandidateTokens } from "./candidate.ts";
import { InputsDecoder } from "./candidate-decoder.ts";
import type { Making } from "./candidate-of.ts";
import type { HeadSizes } from "./construction.ts";
import { KeptInputs } from "./kept-inputs.ts";
import { checkMost, headSizes, refusalOf } from "./candidate-shape.ts";

/** What `Attention`, `SelectedAttention` and their relatives have in common, whatever they read beside queries, keys and values. */
interface AnyAttention {
  forward(inputs: AttentionInputs, options?: ForwardOptions): Promise<MixResult>;
  plan(shape: PlanShape): Plan | SelectedPlan;
  decoder?(options: DecoderOptions): MixDecoder;
}

/** What is an attention's own about a candidate. */
export function attentionParts(
  making: Making,
): Pick<Candidate, "softmax" | "noDecoder" | "refuses" | "plan" | "forward" | "decoder"> {
  const { id, entry, most, inputs } = making;
  const kept = new KeptInputs(inputs);
  const attentionFor = (sizes: HeadSizes): AnyAttention => making.variant(sizes) as AnyAttention;
  const check = ({ queries, keys = queries }: CandidateShape): void => checkMost(id, most, keys);
  const plan = (shape: CandidateShape): CandidatePlan => {
    const sizes = headSizes(shape);
    check(shape);
    const made = attentionFor(sizes).plan(shape);
    return planOf(made, kept.bytes({ ...sizes, tokens: shape.queries }));
  };
  return {
    softmax: entry.kind === "softmax" ? softmaxOf(attentionFor, kept) : undefined,
    noDecoder: entry.noDecoder,
    refuses: (shape) => refusalOf(plan, shape, check),
    plan,
    forward: (tokens: CandidateTokens, options?: MixOptions) =>
      attentionFor(headSizes(tokens)).forward({ ...tokens, ...kept.of(tokens, 0) }, options),
    decoder(options) {
      const attention = attentionFor(headSizes(options));
      if (entry.noDecoder !== undefined || attention.decoder === undefined) {
        throw new TypeError(`variant "${id}" has no decoder: ${entry.noDecoder}`);
      }
      return new InputsDecoder(attention.decoder(options), inputs);
    },
  };
}

/** The attention itself, with what it reads beside queries, keys and values. */
function softmaxOf(attentionFor: (sizes: HeadSizes) => AnyAttention, kept: KeptInputs): Candidate["softmax"] {
  const of = (inputs: AttentionInputs): Attention => attentionFor(headSizes(inputs)) as unknown as Attention;
  return {
    forward: <const O extends ForwardOptions>(inputs: AttentionInputs, options?: O) =>
      of(inputs).forward({ ...inputs, ...kept.of(inputs, 0) }, options),
    forwardSync: <const O extends SyncForwardOptions>(inputs: AttentionInputs, options?: O) =>
      of(inputs).forwardSync({ ...inputs, ...kept.of(inputs, 0) }, options),
  };
}

/** Counting visible pairs may take long: it waits until somebody asks. */
function planOf(made: Plan | SelectedPlan, inputBytes: number): CandidatePlan {
  const selectingFlops = "selecting" in made ? made.selecting.flops : 0;
  return {
    get flops() {
      return made.flops + selectingFlops;
    },
    selectingFlops,
    bytesRead: made.bytesRead,
    workspaceBytes: made.workspaceBytes + inputBytes,
    cacheBytes: made.cacheBytes,
    visitedPairs: made.visitedPairs,
    get visiblePairs() {
      return made.visiblePairs;
    },
    exact: made.exact,
  };
}
