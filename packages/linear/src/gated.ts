import type { LinearAttention } from "@saccade/core";
import { channelGate, linearAttention, recurrenceVariant } from "@saccade/core/variants";
import { perRootOfWidth, scaleOf } from "./checks.ts";
import type { ScaleOption } from "./common-options.ts";
import { PLAIN, taken } from "./plain-operands.ts";

/**
 * Gated linear attention (GLA): every key channel forgets at a rate of its own, which the token decides,
 *
 * ```text
 *   S_t = diag(e^(decay_t)) S_(t-1) + k_t v_t'       o_t = scale q_t' S_t
 * ```
 *
 * Calls bring `decay`, [B, V, N, D], the logarithms of the gates (log sigmoid, say), at most 0. Scale 1/sqrt(D).
 *
 * Source: Yang et al. 2024, "Gated linear attention transformers with hardware-efficient training".
 *
 * @example
 * const attend = gated();
 * const { out } = await attend.forward({ q, k, v, decay });
 */
export function gated({ scale }: ScaleOption = {}): LinearAttention<"decay"> {
  return linearAttention(
    recurrenceVariant({
      ...PLAIN,
      name: "gated",
      gates: [channelGate("decay")],
      scale: scaleOf("gated", scale, perRootOfWidth),
      operands: taken<"decay">(({ decay }) => ({ decay: { kind: "channel", log: decay } })),
    }),
  );
}
