import type { LinearAttention } from "@saccade/core";
import { scalarGate } from "@saccade/core/variants";
import { deltaRule, type DeltaOptions } from "./delta-rule.ts";

/**
 * Gated DeltaNet: the state decays, and then the token replaces what it still recalls of its key,
 *
 * ```text
 *   S  = e^(decay_t) S_(t-1)
 *   S_t = S + beta_t k_t (v_t - S' k_t)'       o_t = scale q_t' S_t
 * ```
 *
 * Calls bring `decay` and `beta`, [B, V, N, 1] each. Scale 1/sqrt(D). Keys must have length 1, as in `deltaNet`.
 *
 * Source: Yang et al. 2025, "Gated delta networks: improving Mamba2 with delta rule"; Qwen3-Next.
 *
 * @example
 * const attend = gatedDeltaNet({ normaliseKeys: true, normaliseQueries: true });
 * const { out } = await attend.forward({ q, k, v, decay, beta });
 */
export function gatedDeltaNet(options: DeltaOptions = {}): LinearAttention<"decay" | "beta"> {
  const gates = [scalarGate("decay" as const), scalarGate("beta" as const)];
  return deltaRule<"decay" | "beta">("gatedDeltaNet", options, gates, ({ decay }) => ({ kind: "token", log: decay }));
}
