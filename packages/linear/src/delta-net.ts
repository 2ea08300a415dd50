import type { LinearAttention } from "@saccade/core";
import { scalarGate } from "@saccade/core/variants";
import { deltaRule, type DeltaOptions } from "./delta-rule.ts";

/**
 * DeltaNet: a token replaces what the state recalls of its key, by the share beta,
 *
 * ```text
 *   S_t = S_(t-1) + beta_t k_t (v_t - S_(t-1)' k_t)'       o_t = scale q_t' S_t
 * ```
 *
 * Calls bring `beta`, [B, V, N, 1], in 0..1 (up to 2 for models with negative eigenvalues). Scale 1/sqrt(D).
 *
 * Keys must have length 1, from the caller or by `normaliseKeys`: where beta |k|^2 exceeds 2 every token makes the state larger, and it
 * blows up.
 *
 * Source: Schlag et al. 2021, "Linear transformers are secretly fast weight programmers"; Yang et al. 2024, "Parallelizing linear
 * transformers with the delta rule over sequence length".
 *
 * @example
 * const attend = deltaNet({ normaliseKeys: true });
 * const { out } = await attend.forward({ q, k, v, beta });
 */
export function deltaNet(options: DeltaOptions = {}): LinearAttention<"beta"> {
  return deltaRule("deltaNet", options, [scalarGate("beta")], () => ({ kind: "none" }));
}
