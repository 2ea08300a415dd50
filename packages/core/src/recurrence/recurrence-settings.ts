import type { Steps } from "../selected/steps.ts";
import type { Gate, LinearTokens } from "./linear-attention.ts";
import type { LinearSizes } from "./linear-state.ts";
import type { GateShape, LinearVariant } from "./linear-variant.ts";
import type { DecayRows, RuleRows } from "./recurrence-reference.ts";
import type { RecurrenceMode } from "./recurrence.ts";
import type { Rows } from "./rows.ts";
import type { Scratch } from "./scratch.ts";

/** Tokens whose operands are wanted. */
export interface OperandCall<G extends Gate> {
  readonly where: string;
  readonly sizes: LinearSizes;
  readonly inputs: LinearTokens<G>;
  /** Tokens of each batch element before these, [B]. */
  readonly before: Int32Array;
  /** Tokens of each batch element among these, [B]. */
  readonly lengths: Int32Array;
  /** Which operands are needed; others may be anything of their size. */
  readonly mode: RecurrenceMode;
  readonly scratch: Scratch;
  /** [B, G]: the state's part `maximum`, where settings ask for it; written in place. */
  readonly maximum: Float32Array | Float64Array | undefined;
}

/** What tokens become for the recurrence. */
export interface Operands {
  /** [B, H, N, features] */
  readonly q: Rows;
  /** [B, G, N, features] */
  readonly k: Rows;
  /** [B, V, N, E] */
  readonly v: Rows;
  readonly decay: DecayRows;
  readonly rule: RuleRows;
}

/** A variant that is the recurrence with settings. */
export interface RecurrenceSettings<G extends Gate> extends Pick<
  LinearVariant<G>,
  "name" | "stateName" | "causal" | "most" | "check"
> {
  readonly gates: readonly GateShape<G>[];
  /** Rows of the state for D numbers of a key. */
  readonly features: (headDim: number) => number;
  readonly scale: (headDim: number) => number;
  readonly normalised: boolean;
  /** Whether the state keeps the largest exponent of each key head. */
  readonly relative: boolean;
  /** Operations a token, value head, feature and value beyond 2 to write. */
  readonly ruleFlops: 0 | 2 | 4;
  /** Decay by head, where that is all the decay there is; what sees later tokens can have no other. */
  readonly headDecay?: ((valueHeads: number) => Float64Array) | undefined;
  /** Bytes of what `operands` makes for a token of a batch element; 0 where it makes nothing. */
  readonly operandBytes: (sizes: LinearSizes) => number;
  readonly operands: (call: OperandCall<G>) => Steps<Operands>;
}
