import type { AttentionInputs } from "@saccade/core";
import type { Attending, MapInputs, SeeingOptions } from "./attending.ts";
import { checkRows, type AttentionMap } from "./attention-map.ts";
import { weightRows } from "./weight-rows.ts";

/** One layer of a model: its attention, and what it read. N = M tokens, the same in all layers. */
export interface RolloutLayer<I extends MapInputs = AttentionInputs> {
  readonly attention: Attending<I>;
  readonly inputs: I;
}

export interface RolloutOptions extends SeeingOptions {
  /** Which tokens of the last layer, by index 0..N - 1. */
  readonly queries: readonly number[];
  /** Query heads whose mean is rolled out, in every layer. Default all. */
  readonly heads?: readonly number[] | undefined;
  /** r: share of a token that passes a layer by the residual connection. Default 0.5. */
  readonly residual?: number | undefined;
}

/**
 * Attention rolled out over layers (Abnar and Zuidema 2020, "Quantifying attention flow in transformers"): how much of the tokens at the
 * bottom is in chosen tokens at the top, if layers only mixed,
 *
 * ```text
 *   R = A_L' ... A_2' A_1',        A_l' = r I + (1 - r) mean over heads of A_l
 * ```
 *
 * Row by row of R: a vector of N shares for each token asked for goes from the last layer to the first, so that no N x N matrix is ever
 * there. Time is that of all rows of all layers. With learned sinks rows sum to less than 1.
 *
 * @param layers from the first to the last.
 * @throws RangeError or TypeError (as a rejection) when layers differ in length, or a query or head is not there.
 */
export async function rollout<I extends MapInputs = AttentionInputs>(
  layers: readonly RolloutLayer<I>[],
  options: RolloutOptions,
): Promise<AttentionMap> {
  const where = "rollout";
  const { queries, residual = 0.5 } = options;
  const last = layers.at(-1);
  if (last === undefined) throw new RangeError(`${where}: layers is an empty list, expected at least one`);
  if (!(residual >= 0 && residual <= 1)) {
    throw new RangeError(`${where}: residual is ${residual}, expected a number in 0..1`);
  }
  const tokens = last.inputs.q.length;
  for (const [index, { inputs }] of layers.entries()) {
    const [n, m] = [inputs.q.length, inputs.k.length];
    if (n === tokens && m === tokens) continue;
    throw new RangeError(`${where}: layer ${index} has N = ${n} and M = ${m}, expected ${tokens} of both`);
  }
  const heads = checkRows(where, last.inputs, options);
  let shares = queries.map((query) => Float64Array.from({ length: tokens }, (_, n) => (n === query ? 1 : 0)));
  for (const { attention, inputs } of layers.toReversed()) {
    const own = checkRows(where, inputs, options);
    const next = shares.map((row) => row.map((share) => residual * share));
    const needed = Array.from({ length: tokens }, (_, n) => n).filter((n) => shares.some((row) => row[n] !== 0));
    for await (const { query, weights } of weightRows(where, attention, inputs, {
      ...options,
      heads: own,
      queries: needed,
    })) {
      for (const [index, row] of shares.entries()) {
        const share = ((1 - residual) * row[query]!) / own.length;
        if (share === 0) continue;
        const into = next[index]!;
        for (let j = 0; j < tokens; j++) into[j]! += share * weights[j]!;
      }
    }
    shares = next;
  }
  const weights = new Float32Array(queries.length * tokens);
  for (const [index, row] of shares.entries()) weights.set(row, index * tokens);
  return { queries: [...queries], heads, averaged: true, keys: tokens, weights };
}
