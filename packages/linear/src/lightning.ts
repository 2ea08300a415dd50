import type { LinearAttention } from "@saccade/core";
import { checkHeadNumbers, checkWhole, shown } from "./checks.ts";
import type { ScaleOption } from "./common-options.ts";
import { decayedByHead } from "./decayed-by-head.ts";

export interface LightningOptions extends ScaleOption {
  /** s in the decay e^-s of each value head, [V], at least 0. `lightningSlopes` has those of published models. */
  readonly slopes: ArrayLike<number>;
  /** Default true. If false, tokens see both sides, weighted by distance, and there is no state and no decoder. */
  readonly causal?: boolean | undefined;
}

/**
 * Lightning attention: a fixed decay for each head, given as a slope,
 *
 * ```text
 *   S_t = e^(-s_h) S_(t-1) + k_t v_t'       o_t = scale q_t' S_t = scale sum_(j <= t) e^(-s_h (t - j)) (q_t . k_j) v_j
 * ```
 *
 * A token sees itself undiminished. Scale 1/sqrt(D); models that normalise outputs afterwards (MiniMax-01) use 1.
 *
 * Source: Qin et al. 2024, "Lightning attention-2"; slopes: MiniMax-01.
 *
 * @throws RangeError when a slope is negative.
 * @example
 * const attend = lightning({ slopes: lightningSlopes(8, { layer: 3, layers: 24 }) });
 */
export function lightning(options: LightningOptions): LinearAttention {
  const { slopes, scale, causal = true } = options;
  const given = checkHeadNumbers(
    "lightning",
    "slopes",
    slopes,
    "a number of at least 0",
    (x) => x >= 0 && x < Infinity,
  );
  if (given === undefined)
    throw new TypeError(`lightning: slopes is ${shown(slopes)}, expected a number for every value head`);
  return decayedByHead({
    name: "lightning",
    scale,
    causal,
    option: { what: "slopes", count: given.length },
    logs: () => given.map((x) => -x),
  });
}

/**
 * Slopes of MiniMax-01: those of ALiBi, smaller in later layers,
 *
 * ```text
 *   s_h = 2^(-8 (h + 1) / H) (1 - layer / (layers - 1) + 1e-5)
 * ```
 *
 * @param options.layer 0 to layers - 1.
 */
export function lightningSlopes(
  heads: number,
  options: { readonly layer: number; readonly layers: number },
): Float64Array {
  const { layer, layers } = options;
  checkWhole("lightningSlopes: heads", heads, 1);
  checkWhole("lightningSlopes: layers", layers, 1);
  if (checkWhole("lightningSlopes: layer", layer, 0) >= layers) {
    throw new RangeError(`lightningSlopes: layer is ${layer}, expected an integer in 0..${layers - 1}`);
  }
  const share = 1 - (layers === 1 ? 0 : layer / (layers - 1)) + 1e-5;
  return Float64Array.from({ length: heads }, (_, h) => 2 ** ((-8 * (h + 1)) / heads) * share);
}
