import type { Tensor } from "../tensor.ts";

/**
 * Sizes of a recurrence. There is one state [D, E] per batch element and value head. Value head s reads key head floor(s / (V / G)).
 * Outputs have max(H, V) heads: output head o reads query head floor(o / (max / H)) and the state of value head floor(o / (max / V)).
 */
export interface RecurrenceShape {
  /** B */
  readonly batch: number;
  /** H, query heads: a divisor or a multiple of V */
  readonly heads: number;
  /** G, key heads; divides V */
  readonly kvHeads: number;
  /** V, value heads */
  readonly valueHeads: number;
  /** N, tokens */
  readonly tokens: number;
  /** D, width of queries and keys */
  readonly headDim: number;
  /** E, width of values */
  readonly valueDim: number;
}

/**
 * By what a state is multiplied before token t writes to it, as natural logarithms, at most 0: a factor per head, per head and token, or
 * per head, token and row of the state (key channel).
 */
export type Decay =
  | { readonly kind: "none" }
  /** [V] */
  | { readonly kind: "head"; readonly log: Float32Array }
  /** [B, V, N, 1] */
  | { readonly kind: "token"; readonly log: Tensor }
  /** [B, V, N, D] */
  | { readonly kind: "channel"; readonly log: Tensor };

/**
 * What a token writes, with w = exp(decay):
 *
 * ```text
 *   additive   S <- diag(w) S + k v'
 *   delta      S <- diag(w) S + beta k (v - (diag(w) S)' k)'
 *   general    S <- diag(w) S + b (a' S) + k v'               a reads S before the decay
 * ```
 */
export type WriteRule =
  | { readonly kind: "additive" }
  /** [B, V, N, 1] */
  | { readonly kind: "delta"; readonly beta: Tensor }
  /** [B, V, N, D] each */
  | { readonly kind: "general"; readonly a: Tensor; readonly b: Tensor };

/**
 * Which half of a token's work is done: both, the write before the read; writes only, where `out` is not touched; or reads of the state
 * as it came, which decay and keys do not change.
 */
export type RecurrenceMode = "write-and-read" | "write" | "read";

/**
 * A linear recurrence over a state, checked: what a runtime runs.
 *
 * ```text
 *   S_t = rule(S_(t-1), w_t, k_t, v_t)          z_t = diag(w_t) z_(t-1) + k_t
 *   o_t = scale q_t' S_t                        with a normaliser   o_t = q_t' S_t / q_t' z_t, 0 where that is 0 / 0
 * ```
 */
export interface RecurrenceJob {
  readonly shape: RecurrenceShape;
  /** [B, H, N, D] */
  readonly q: Tensor;
  /** [B, G, N, D] */
  readonly k: Tensor;
  /** [B, V, N, E] */
  readonly v: Tensor;
  readonly scale: number;
  readonly decay: Decay;
  readonly rule: WriteRule;
  readonly mode: RecurrenceMode;
  /** Tokens that batch element b has, [B]: further ones write nothing, and their outputs are 0. Default N each. */
  readonly lengths: Int32Array | undefined;
  /** [B, V, D, E], contiguous; read first, written in place. */
  readonly state: Float32Array;
  /** [B, V, D], contiguous; read first, written in place. With the additive rule only. Default: no normaliser. */
  readonly normaliser: Float32Array | undefined;
  /** [B, max(H, V), N, E]; every row is written, except in mode "write". Shares nothing with the inputs. */
  readonly out: Tensor;
  /** `out` was made for this call: nobody else can read it or transfer its buffer before the call ends. Default false. */
  readonly outIsNew?: boolean | undefined;
}
