import type { RunInfo, Runtime, RuntimeName } from "../runtime/runtime.ts";
import type { Tensor } from "../tensor.ts";
import type { LinearDecoder, LinearDecoderOptions } from "./linear-decoder.ts";
import type { LinearState } from "./linear-state.ts";

/**
 * What tokens bring beside queries, keys and values; each variant names those it reads. Logarithms are natural ones.
 *
 * - `decay`: logarithm of what the state is multiplied by before the token writes, at most 0; [B, V, N, 1] or, by key channel, [B, V, N, D]
 * - `beta`: how much of what the state recalls of a key is replaced, [B, V, N, 1]
 * - `dt`: length of the step, at least 0, [B, V, N, 1]
 * - `a`, `b`: what reads the state before a token and where that is written again, [B, V, N, D]
 * - `levels`: weights of the levels of a tree of states, [B, max(H, V), N, levels]
 */
export type Gate = "decay" | "beta" | "dt" | "a" | "b" | "levels";

/**
 * Tokens that a linear attention reads. f32; B batch, H query heads, G key heads, V value heads, N tokens, D width of queries and keys, E
 * width of values. G divides V; value head s reads key head floor(s / (V / G)). H divides V or V divides H; outputs have max(H, V) heads.
 */
export type LinearTokens<G extends Gate = never> = {
  /** [B, H, N, D] or [B, N, H, D] */
  readonly q: Tensor;
  /** [B, G, N, D] or [B, N, G, D] */
  readonly k: Tensor;
  /** [B, V, N, E] or [B, N, V, E] */
  readonly v: Tensor;
} & { readonly [gate in G]: Tensor };

/** Tokens of a call, and what came before them. */
export type LinearInputs<G extends Gate = never> = LinearTokens<G> & {
  /** Tokens that batch element b has, [B], 0..N: outputs of further ones are 0, and the state does not see them. Default N each. */
  readonly lengths?: ArrayLike<number> | undefined;
  /** What earlier tokens left; it is not changed. Default: nothing. */
  readonly state?: LinearState | undefined;
};

export interface SyncLinearOptions {
  /** Also return what the tokens leave, for those that come later. Default false. */
  readonly state?: boolean | undefined;
  /** Write into this tensor [B, max(H, V), N, E], which must not overlap the inputs. Default: a new array in the layout of q. */
  readonly out?: Tensor | undefined;
  /** Default "auto": native where it loads, else wasm. */
  readonly runtime?: "auto" | RuntimeName | Runtime | undefined;
  /** Threads at most. Default: what the runtime was opened with. The result has the same bits at any number. */
  readonly threads?: number | undefined;
}

export interface LinearOptions extends SyncLinearOptions {
  /** Cancels: the call rejects with `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** What a linear attention returns, with what it ran on. */
export interface LinearResult extends RunInfo {
  /** [B, max(H, V), N, E] in the layout of q (or the tensor given as `out`). */
  readonly out: Tensor;
  /** When asked for. */
  readonly state?: LinearState;
}

/** The result type that options ask for. */
export type LinearResultFor<O> = LinearResult &
  (O extends { readonly state: true } ? { readonly state: LinearState } : unknown);

/** The shape of a call to plan. */
export interface LinearPlanShape {
  /** B. Default 1. */
  readonly batch?: number | undefined;
  /** H */
  readonly heads: number;
  /** G. Default H. */
  readonly kvHeads?: number | undefined;
  /** V. Default G. */
  readonly valueHeads?: number | undefined;
  /** N */
  readonly queries: number;
  /** D */
  readonly headDim: number;
  /** E. Default D. */
  readonly valueDim?: number | undefined;
  /** Tokens that a decoder may take back. Default 0. */
  readonly rewindable?: number | undefined;
}

/** What a call costs, known before it runs. */
export interface LinearPlan {
  /**
   * Floating-point operations of the products with the state: for each token, feature and value 2 to read with every output head and 2 to
   * write with every value head, 2 more with the delta rule, 4 with the general one. What a variant adds to that (windows, projections of
   * feature maps) stands in its docstring.
   */
  readonly flops: number;
  /** Bytes of queries, keys, values, gates and the state, each read once. Kernels write the state, too: a step moves it twice. */
  readonly bytesRead: number;
  /**
   * Bytes held during the call beyond inputs, outputs and what the runtime packs: operands of a panel of tokens, the state, and a head of
   * it in float64.
   */
  readonly workspaceBytes: number;
  /** Bytes of a decoder's cache: the state, whatever the number of tokens, and what `rewindable` adds. */
  readonly cacheBytes: number;
  /** Bytes of one state. */
  readonly stateBytes: number;
  /** Whether `flops` is exact. */
  readonly exact: boolean;
}

/** float64 results. */
export interface LinearReference {
  /** Contiguous [B, max(H, V), N, E]. */
  readonly out: Float64Array;
  /** Parts of the final state by name, as `LinearState.part` has them. */
  readonly state: Readonly<Record<string, Float64Array>>;
}

/**
 * One variant of linear attention with its options. It holds no buffers and no state. Three forms agree within rounding: `forward` over all
 * tokens, a decoder that takes them in any split, and `parallel`, which looks at all pairs.
 */
export interface LinearAttention<G extends Gate = never> {
  /** As errors name it. */
  readonly name: string;
  /** What a query sees does not depend on content, and tokens may be split in any way. */
  readonly selection: "static";
  /** What calls bring beside q, k and v. */
  readonly gates: readonly G[];
  /** Whether tokens see those before them and themselves only. If not, there are no states and no decoder. */
  readonly causal: boolean;
  /**
   * Runs without blocking the event loop for longer than 16 ms.
   *
   * @throws TypeError and RangeError (as a rejection) when inputs do not fit together, naming what was expected and what came.
   */
  forward<const O extends LinearOptions = LinearOptions>(
    inputs: LinearInputs<G>,
    options?: O,
  ): Promise<LinearResultFor<O>>;
  /** The same for small work, to the end before it returns. */
  forwardSync<const O extends SyncLinearOptions = SyncLinearOptions>(
    inputs: LinearInputs<G>,
    options?: O,
  ): LinearResultFor<O>;
  /** What a call of this shape costs, before it runs. */
  plan(shape: LinearPlanShape): LinearPlan;
  /** The definition, in float64 and slow. */
  reference(inputs: LinearInputs<G>): LinearReference;
  /**
   * The same over all pairs of tokens, N x N work and no state but the initial one: for checking. Contiguous [B, max(H, V), N, E]; "f32"
   * rounds every weight, and what the delta rule solves for, to f32.
   */
  parallel(inputs: LinearInputs<G>, precision?: "float64" | "f32"): Float64Array;
  /** A state that has seen nothing; its parts may be filled. */
  state(sizes: LinearSizeOptions): LinearState;
  /** The state that `serialize` wrote, bit for bit. */
  deserialize(bytes: Uint8Array): LinearState;
  /** Attention over a growing number of tokens in constant memory. */
  decoder(options: LinearDecoderOptions): LinearDecoder<G>;
}

/** Sizes of a state, with defaults as in a call to plan. */
export type LinearSizeOptions = Omit<LinearPlanShape, "queries" | "rewindable">;
