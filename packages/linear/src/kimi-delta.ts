import type { LinearAttention } from "@saccade/core";
import { channelGate, scalarGate } from "@saccade/core/variants";
import { deltaRule, type DeltaOptions } from "./delta-rule.ts";

/**
 * Kimi delta attention (KDA): the gated delta rule with a decay for every key channel,
 *
 * ```text
 *   S  = diag(e^(decay_t)) S_(t-1)
 *   S_t = S + beta_t k_t (v_t - S' k_t)'       o_t = scale q_t' S_t
 * ```
 *
 * Calls bring `decay`, [B, V, N, D], and `beta`, [B, V, N, 1]. Scale 1/sqrt(D). Keys must have length 1, as in `deltaNet`.
 *
 * Source: Kimi Team 2025, "Kimi Linear: an expressive, efficient attention architecture".
 *
 * @example
 * const attend = kimiDelta({ normaliseKeys: true, normaliseQueries: true });
 * const { out } = await attend.forward({ q, k, v, decay, beta });
 */
export function kimiDelta(options: DeltaOptions = {}): LinearAttention<"decay" | "beta"> {
  const gates = [channelGate("decay" as const), scalarGate("beta" as const)];
  return deltaRule<"decay" | "beta">("kimiDelta", options, gates, ({ decay }) => ({ kind: "channel", log: decay }));
}
