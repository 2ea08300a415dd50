import type { RunInfo } from "../runtime/runtime.ts";
import type { Steps } from "../selected/steps.ts";
import type { Tensor } from "../tensor.ts";
import type { Gate, LinearReference, LinearTokens } from "./linear-attention.ts";
import type { LinearSizes, LinearState, StatePart } from "./linear-state.ts";

/** A gate that a variant reads, and its sizes. */
export interface GateShape<G extends Gate> {
  readonly name: G;
  readonly heads: (sizes: LinearSizes) => number;
  readonly width: (sizes: LinearSizes) => number;
}

/** One number for each value head and token. */
export function scalarGate<G extends Gate>(name: G): GateShape<G> {
  return { name, heads: ({ valueHeads }) => valueHeads, width: () => 1 };
}

/** A number for each value head, token and key channel. */
export function channelGate<G extends Gate>(name: G): GateShape<G> {
  return { name, heads: ({ valueHeads }) => valueHeads, width: ({ headDim }) => headDim };
}

/** A call of a variant, checked. */
export interface LinearCall<G extends Gate = Gate> {
  /** As errors name it. */
  readonly where: string;
  readonly sizes: LinearSizes;
  /** N */
  readonly tokens: number;
  readonly inputs: LinearTokens<G>;
  /** [B] */
  readonly lengths: Int32Array;
}

/** What a variant of linear attention has to say; the rest is the same for all of them. */
export interface LinearVariant<G extends Gate = never> {
  readonly name: string;
  /** Told apart by what their states mean. Default `name`. */
  readonly stateName?: string | undefined;
  readonly gates: readonly GateShape<G>[];
  readonly causal: boolean;
  /** Tokens that a sequence has at most. Default 2^30. */
  readonly most?: number | undefined;
  /** What options ask of the sizes of a call. */
  readonly check?: ((where: string, sizes: LinearSizes) => void) | undefined;
  readonly stateParts: (sizes: LinearSizes) => readonly StatePart[];
  /** As in `LinearPlan`, for `tokens` of each batch element. */
  readonly flops: (sizes: LinearSizes, tokens: number) => number;
  /** Bytes that `steps` holds beside inputs, output and state, a recurrence in plain loops included. */
  readonly workspaceBytes: (sizes: LinearSizes, tokens: number) => number;
  /**
   * Runs tokens through the arrays of a state, which it writes in place; `state.tokens` are those before the call, and it leaves them.
   * Without `out` the state alone is written, and queries are not read.
   */
  readonly steps: (call: LinearCall<G>, state: LinearState, out: Tensor | undefined) => Steps<RunInfo | undefined>;
  readonly reference: (call: LinearCall<G>, state: LinearState) => LinearReference;
  /** Over all pairs; `f32` rounds as `LinearAttention.parallel` says. */
  readonly parallel: (call: LinearCall<G>, state: LinearState, f32: boolean) => Float64Array;
}
