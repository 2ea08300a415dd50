import type {
  Attention,
  DecoderOptions,
  Gate,
  MixDecoder,
  MixOptions,
  MixResult,
  Runtime,
  Selection,
  Tensor,
} from "@saccade/core";
import type { VariantSpec } from "./variant-spec.ts";

export type Family = "dense" | "sliding-window" | "block-sparse" | "linear" | "chunked";

/** The shape of a call to plan: B batch, H query heads, G key heads, N tokens, D and E widths. */
export interface CandidateShape {
  /** B. Default 1. */
  readonly batch?: number | undefined;
  /** H */
  readonly heads: number;
  /** G. Default H. */
  readonly kvHeads?: number | undefined;
  /** N */
  readonly queries: number;
  /** M, for queries at the end of a longer context. Default N; recurrences take N = M only. */
  readonly keys?: number | undefined;
  /** D */
  readonly headDim: number;
  /** E. Default D. */
  readonly valueDim?: number | undefined;
  /** Threads at most. Default: the available parallelism. */
  readonly threads?: number | undefined;
  /** Runtime whose workspace is stated. Default: the shared `auto` one, when it opens synchronously. */
  readonly runtime?: Runtime | undefined;
}

/** What a call costs, known before it runs. The same for softmax attention and recurrences. */
export interface CandidatePlan {
  /** Operations of the products that the variant needs; for those that select, of attending and selecting together. */
  readonly flops: number;
  /** Of `flops`, those of selecting. 0 where nothing is selected. */
  readonly selectingFlops: number;
  readonly bytesRead: number;
  /** Bytes held during the call beyond inputs and outputs; what the candidate makes beside q, k and v is among them. */
  readonly workspaceBytes: number;
  /** Bytes of a decoder's cache that has taken N tokens (f32). */
  readonly cacheBytes: number;
  /** Pairs that the schedule covers; undefined for recurrences. */
  readonly visitedPairs: number | undefined;
  /** Visible pairs, counted where it is asked for; undefined for recurrences. */
  readonly visiblePairs: number | undefined;
  /** Whether flops and bytes are exact; otherwise they are what is expected of contents unknown. */
  readonly exact: boolean;
}

/** Queries, keys and values: [B, H, N, D], [B, G, N, D], [B, G, N, E]. What a variant reads beside them the candidate makes from a seed. */
export interface CandidateTokens {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** A decoder that takes queries, keys and values alone. Gates of a token depend on its position only, so that splits do not matter. */
export interface CandidateDecoder extends Omit<MixDecoder, "append" | "appendSync"> {
  append(tokens: CandidateTokens, options?: Omit<MixOptions, "runtime">): Promise<MixResult>;
  appendSync(tokens: CandidateTokens, options?: Omit<MixOptions, "runtime" | "signal">): MixResult;
}

/** How a program makes a variant. */
export interface CandidateCode {
  /** What to import from `packageName`. */
  readonly imports: readonly string[];
  /** What to import from other packages, by package; empty for most. */
  readonly otherImports: Readonly<Record<string, readonly string[]>>;
  /** `slidingWindow({ window: 1024, sinks: 4 })`. A few are over `heads` (H), `kvHeads` (G) and `headDim` (D) of the call. */
  readonly expression: string;
  /** What calls bring beside q, k and v, by name. */
  readonly inputs: Readonly<Record<string, CandidateInput>>;
}

/** A tensor [B, heads, N, width] that a call brings beside q, k and v. */
export interface CandidateInput {
  /** `[B, V, N, 1]` */
  readonly sizes: string;
  readonly heads: (sizes: Readonly<Record<"heads" | "kvHeads" | "headDim", number>>) => number;
  readonly width: (sizes: Readonly<Record<"heads" | "kvHeads" | "headDim", number>>) => number;
}

/** One variant with its options, as programs that compare variants call it. */
export interface Candidate {
  /** Canonical: `window:1024:sinks=4`. Equal ids mean equal settings. */
  readonly id: string;
  readonly spec: VariantSpec;
  readonly family: Family;
  readonly packageName: string;
  /** One line, with its settings in words. */
  readonly description: string;
  readonly code: CandidateCode;
  readonly selection: Selection;
  /** Whether queries see no later keys. */
  readonly causal: boolean;
  /** Whether its result is dense attention's whatever the content. */
  readonly exact: boolean;
  /** Whether weights must be trained with it: its distance from softmax attention says nothing about its quality. */
  readonly needsTraining: boolean;
  /** What it reads beside q, k and v. */
  readonly gates: readonly Gate[];
  /**
   * Where every row is a softmax of unchanged scores over some of the keys: the attention. Then e^(its lse - dense lse) is the share of
   * dense attention's mass that a row keeps. Undefined for recurrences, joined branches, and variants that turn queries or keys.
   */
  readonly softmax: Pick<Attention, "forward" | "forwardSync"> | undefined;
  /** Why it has no decoder: "what a query keeps depends on later queries of its block". undefined where it has one. */
  readonly noDecoder: string | undefined;
  /** Why it cannot take calls of this shape; undefined where it can. */
  refuses(shape: CandidateShape): string | undefined;
  /** @throws RangeError for a shape that it refuses. */
  plan(shape: CandidateShape): CandidatePlan;
  /** The last call's gates are kept, so that repeated calls do not make them again. */
  forward(tokens: CandidateTokens, options?: MixOptions): Promise<MixResult>;
  /** @throws TypeError where it has none. */
  decoder(options: Omit<DecoderOptions, "dtype">): CandidateDecoder;
}
