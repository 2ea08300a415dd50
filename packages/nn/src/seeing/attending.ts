import type { AttentionInputs, MixOptions, Selection, Tensor } from "@saccade/core";

/**
 * What a map can be made of: any attention whose output is a sum of its values with weights that do not depend on the values. Every
 * `Attention`, `SelectedAttention` and `LinearAttention` is one. `I`: what its calls read.
 */
export interface Attending<I extends MapInputs = AttentionInputs> {
  /** As errors name it. */
  readonly name: string;
  readonly selection: Selection;
  forward(inputs: I, options?: MixOptions): Promise<{ readonly out: Tensor }>;
}

/** What calls of all kinds read: [B, H, N, D], [B, G, M, D] and [B, G or V, M, E]. */
export interface MapInputs {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
}

/** What a call can be told on the side. */
export interface SeeingOptions extends Pick<MixOptions, "runtime" | "threads" | "signal"> {
  /** Batch element. Default 0. */
  readonly batch?: number | undefined;
  /**
   * Whether a query's row is the same without the other queries of the call, so that it may be asked for alone. Default: where `selection`
   * is "static" or "per-query", nothing but queries, keys, values, bias, mask and positions is read, and no state is carried on.
   */
  readonly alone?: boolean | undefined;
}

const PLAIN = new Set(["q", "k", "v", "bias", "mask", "queryOffset", "keyLengths"]);

/** Whether a call reads more than attention's own inputs: gates, a state, keys of a branch's own. */
export function readsMore(inputs: object): boolean {
  return Object.entries(inputs).some(([name, value]) => value !== undefined && !PLAIN.has(name));
}

/**
 * Whether rows may be asked for without those of other queries.
 *
 * @throws TypeError when they are asked for so, and what the call reads cannot be cut.
 */
export function rowsStandAlone(
  where: string,
  attention: Attending<never>,
  inputs: object,
  asked: boolean | undefined,
): boolean {
  const more = readsMore(inputs);
  if (asked === true && more) {
    throw new TypeError(`${where}: alone is true, but the call reads more than q, k, v, bias, mask and positions`);
  }
  if (asked !== undefined) return asked;
  const { selection } = attention;
  // Linear attention has gates, if none of its own, and takes all tokens that its state has seen.
  return !more && !("gates" in attention) && (selection === "static" || selection === "per-query");
}
