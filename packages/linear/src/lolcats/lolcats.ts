import type { LinearAttention } from "@saccade/core";
import { linearAttention, loopBytes, type FeatureMap, type LinearCall } from "@saccade/core/variants";
import { checkHeadNumbers, checkWhole, perRootOfWidth, scaleOf } from "../checks.ts";
import type { ScaleOption } from "../common-options.ts";
import { lolcatsPairs, lolcatsReference } from "./lolcats-reference.ts";
import { lolcatsSteps, PANEL } from "./lolcats-steps.ts";
import type { LolcatsCall } from "./lolcats-variant.ts";

export interface LolcatsOptions extends ScaleOption {
  /** W: keys, counting itself, that a query weighs by softmax. */
  readonly window: number;
  /** What the weights of earlier keys are products of; its products must never be negative. */
  readonly map: FeatureMap;
  /** Factor on the weights inside the window, learned by the model, for each query head, [H]. Default 1. */
  readonly windowFactors?: ArrayLike<number> | undefined;
  /** Take the largest score inside the window out of its exponentials, as the published models do. Default true. */
  readonly stabilised?: boolean | undefined;
}

/**
 * LoLCATs' attention: softmax inside a window and linear attention to all before it, under one normaliser,
 *
 * ```text
 *   p_tj = gamma_h e^(s_tj - c_t)     t - j < W,   s = scale q . k,   c_t the largest s inside the window
 *   p_tj = phi(q_t) . phi(k_j)        t - j >= W
 *   o_t  = sum_j p_tj v_j / sum_j p_tj
 * ```
 *
 * `stabilised: false` leaves c out, so that weights on both sides mean the same where phi(q) . phi(k) estimates e^s. Needs as many value
 * heads as key heads. Scale on scores 1/sqrt(D). A state holds features x (E + 1) numbers a head and the keys and values of the window. The
 * window is softmax attention on the runtime, at 2 (D + E) operations a pair, and c_t takes its scores once more.
 *
 * Source: Zhang et al. 2025, "LoLCATs: on low-rank linearizing of large language models".
 *
 * @throws TypeError for a map whose products may be negative or are relative to a maximum, RangeError for other options.
 * @example
 * const attend = lolcats({ window: 64, map: hedgehog({ weights }) });
 * const { out } = await attend.forward({ q, k, v });
 */
export function lolcats(options: LolcatsOptions): LinearAttention {
  const name = "lolcats";
  const { window, map, windowFactors, stabilised = true } = options;
  checkWhole(`${name}: window`, window, 1);
  if (typeof map?.map !== "function") throw new TypeError(`${name}: map is missing, expected a feature map`);
  if (!map.positive || map.relative) {
    const why = map.relative ? "are relative to a maximum" : "may be negative";
    throw new TypeError(`${name}: products of ${map.name} ${why}, they cannot stand beside softmax weights`);
  }
  const given = checkHeadNumbers(name, "windowFactors", windowFactors, "a number of at least 0", (x) => x >= 0);
  const scale = scaleOf(name, options.scale, perRootOfWidth);
  const own = (call: LinearCall<never>): LolcatsCall => ({
    ...call,
    ...{ window, map, stabilised },
    scale: scale(call.sizes.headDim),
    factors: given ?? new Float64Array(call.sizes.heads).fill(1),
  });
  return linearAttention({
    name,
    stateName: `${name} ${window} ${map.name}`,
    gates: [],
    causal: true,
    most: map.most,
    check(where, sizes) {
      const { heads, kvHeads, valueHeads } = sizes;
      if (valueHeads !== kvHeads || heads % Math.max(1, kvHeads) !== 0) {
        throw new RangeError(
          `${where}: H = ${heads}, G = ${kvHeads} and V = ${valueHeads}, expected V = G, which divides H`,
        );
      }
      if (given !== undefined && given.length !== heads) {
        throw new RangeError(`${where}: windowFactors has ${given.length} numbers, q has H = ${heads} heads`);
      }
      map.check?.(where, sizes);
    },
    stateParts: ({ batch, kvHeads, headDim, valueDim }) => [
      { name: "memory", length: batch * kvHeads * map.features(headDim) * (valueDim + 1) },
      { name: "keys", length: batch * kvHeads * window * headDim },
      { name: "values", length: batch * kvHeads * window * valueDim },
    ],
    flops({ batch, heads, kvHeads, headDim, valueDim }, tokens) {
      const short = Math.min(tokens, window);
      const pairs = (short * (short + 1)) / 2 + (tokens - short) * window;
      const state = 2 * (heads + kvHeads) * map.features(headDim) * (valueDim + 1) * (tokens - short);
      return batch * (state + 2 * (headDim + valueDim) * heads * pairs);
    },
    workspaceBytes({ heads, kvHeads, headDim, valueDim }, tokens) {
      const panel = Math.min(tokens, PANEL);
      const keys = kvHeads * (window + panel) * (headDim + valueDim);
      const made = (heads + kvHeads) * panel * (map.held(headDim) + valueDim + 1);
      return (
        4 * (keys + made + heads * panel * (valueDim + 2) + heads * 64 * (window + 64)) +
        loopBytes({ headDim: map.features(headDim), valueDim: valueDim + 1 })
      );
    },
    steps: (call, state, out) => lolcatsSteps(own(call), state, out),
    reference: (call, state) => lolcatsReference(own(call), state),
    parallel: (call, state, f32) => lolcatsPairs(own(call), state, f32),
  });
}
