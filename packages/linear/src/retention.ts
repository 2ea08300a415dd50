import type { LinearAttention } from "@saccade/core";
import { checkHeadNumbers } from "./checks.ts";
import type { ScaleOption } from "./common-options.ts";
import { decayedByHead } from "./decayed-by-head.ts";

export interface RetentionOptions extends ScaleOption {
  /** By what the state of each value head is multiplied at every token, [V], in (0, 1]. Default 1 - 2^(-5 - h) for head h. */
  readonly decay?: ArrayLike<number> | undefined;
  /** Default true. If false, tokens see both sides, weighted by distance, and there is no state and no decoder. */
  readonly causal?: boolean | undefined;
}

/**
 * Retention (RetNet): a fixed decay for each head,
 *
 * ```text
 *   S_t = gamma_h S_(t-1) + k_t v_t'       o_t = scale q_t' S_t = scale sum_(j <= t) gamma_h^(t - j) (q_t . k_j) v_j
 * ```
 *
 * Scale 1/sqrt(D). Rotations of queries and keys (xPos) and the normalisation of outputs belong to the layer around it.
 *
 * Source: Sun et al. 2023, "Retentive network: a successor to transformer for large language models".
 *
 * @throws RangeError when a decay is not in (0, 1].
 * @example
 * const attend = retention();
 * const { out } = await attend.forward({ q, k, v });
 */
export function retention(options: RetentionOptions = {}): LinearAttention {
  const { decay, scale, causal = true } = options;
  const given = checkHeadNumbers("retention", "decay", decay, "a number in (0, 1]", (x) => x > 0 && x <= 1);
  const published = (valueHeads: number): Float64Array =>
    Float64Array.from({ length: valueHeads }, (_, h) => 1 - 2 ** (-5 - h));
  return decayedByHead({
    name: "retention",
    scale,
    causal,
    option: given && { what: "decay", count: given.length },
    logs: (valueHeads) => (given ?? published(valueHeads)).map((x) => Math.log(x)),
  });
}
