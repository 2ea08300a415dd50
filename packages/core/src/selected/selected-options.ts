import type {
  Attention,
  AttentionInputs,
  ForwardOptions,
  ReferenceResult,
  ResultFor,
  SyncForwardOptions,
} from "../attention.ts";
import type { AppendOptions, Decoder, DecoderInputs, DecoderOptions, SyncAppendOptions } from "../decoder/decoder.ts";
import type { Plan, PlanShape } from "../plan.ts";
import type { CallPart } from "./call-part.ts";
import type { SelectedBlocks } from "./selected-blocks.ts";
import type { SampleOptions, SelectedMass } from "./selected-mass.ts";

/** What a call can be asked beside its result. */
export interface MassOption {
  /** Measure the share of the dense attention mass that the selection kept, on sampled queries. Default false. */
  readonly selectedMass?: boolean | SampleOptions | undefined;
}

export interface SelectedForwardOptions extends ForwardOptions, MassOption {}

export interface SelectedSyncForwardOptions extends SyncForwardOptions, MassOption {}

/** What a call came to. */
export interface SelectedPairs {
  /** Pairs (query row, key) that were visible, over B and H; with a mask or a bias an upper bound. */
  readonly visiblePairs: number;
  /** Pairs that the schedules' tasks covered. */
  readonly visitedPairs: number;
}

/** The result type that options ask for. */
export type SelectedResultFor<O> = ResultFor<O> & {
  readonly selected: SelectedPairs;
} & (O extends { readonly selectedMass: true | SampleOptions } ? { readonly selectedMass: SelectedMass } : unknown);

/** What the queries of a part of a call selected. Blocks count from the part's first key, queries from its first query. */
export interface SelectedPart extends CallPart {
  readonly blocks: SelectedBlocks;
}

export interface SelectedReferenceOptions {
  /** Leave learned sinks out. Default false. */
  readonly partial?: boolean | undefined;
  /** What `select` returned, instead of a selection in float64: scores that nearly tie may order differently there. */
  readonly selection?: readonly SelectedPart[] | undefined;
}

/** What a call costs. Numbers that depend on content are those expected; `selected` of a result has what they came to. */
export interface SelectedPlan extends Plan {
  readonly selecting: {
    /** Floating-point operations of the scores that selecting takes. */
    readonly flops: number;
    /** Queries whose lists exist at a time, at most. */
    readonly panel: number;
  };
}

/** An attention whose queries select blocks of keys by content. */
export interface SelectedAttention<I extends AttentionInputs = AttentionInputs> extends Pick<
  Attention,
  "name" | "selection"
> {
  /** What selecting costs: a score for every query and block of keys, or for every query and key. */
  readonly selects: "N x M / C" | "N x M";
  forward<const O extends SelectedForwardOptions = SelectedForwardOptions>(
    inputs: I,
    options?: O,
  ): Promise<SelectedResultFor<O>>;
  forwardSync<const O extends SelectedSyncForwardOptions = SelectedSyncForwardOptions>(
    inputs: I,
    options?: O,
  ): SelectedResultFor<O>;
  plan(shape: PlanShape): SelectedPlan;
  reference(inputs: I, options?: SelectedReferenceOptions): ReferenceResult;
  /** What the queries select, without attending: memory for the lists of all queries at once. */
  select(inputs: I, options?: Pick<ForwardOptions, "runtime" | "threads" | "signal">): Promise<readonly SelectedPart[]>;
  /** Attention over a growing cache, where the variant has it: what is selected does then not depend on how tokens are split. */
  decoder(options: DecoderOptions): SelectedDecoder<I>;
}

export interface SelectedAppendOptions extends AppendOptions, MassOption {}

export interface SelectedSyncAppendOptions extends SyncAppendOptions, MassOption {}

/**
 * New tokens, with what the variant reads of them beside queries, keys and values. Queries may be those of the last tokens alone, or none:
 * tokens before them are stored and not attended from.
 */
export type SelectedDecoderInputs<I extends AttentionInputs> = DecoderInputs & Omit<I, keyof AttentionInputs>;

/** A decoder that selects. */
export interface SelectedDecoder<I extends AttentionInputs = AttentionInputs> extends Omit<
  Decoder,
  "append" | "appendSync"
> {
  append<const O extends SelectedAppendOptions = SelectedAppendOptions>(
    inputs: SelectedDecoderInputs<I>,
    options?: O,
  ): Promise<SelectedResultFor<O>>;
  appendSync<const O extends SelectedSyncAppendOptions = SelectedSyncAppendOptions>(
    inputs: SelectedDecoderInputs<I>,
    options?: O,
  ): SelectedResultFor<O>;
}
