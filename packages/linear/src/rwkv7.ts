import type { LinearAttention } from "@saccade/core";
import { channelGate, linearAttention, recurrenceVariant } from "@saccade/core/variants";
import { scaleOf } from "./checks.ts";
import type { ScaleOption } from "./common-options.ts";
import { PLAIN, taken } from "./plain-operands.ts";

/**
 * RWKV-7's recurrence: the state decays by channel, and what `a` reads of it before that is written again along `b`,
 *
 * ```text
 *   S_t = diag(e^(decay_t)) S_(t-1) + b_t (a_t' S_(t-1)) + k_t v_t'       o_t = q_t' S_t
 * ```
 *
 * Calls bring `decay`, `a` and `b`, [B, V, N, D] each. In RWKV-7's terms q is r, decay is the logarithm of w, a is minus the removal key
 * (of length 1) and b that key times the in-context learning rate. Scale 1.
 *
 * Source: Peng et al. 2025, "RWKV-7 Goose with expressive dynamic state evolution".
 *
 * @example
 * const { out } = await rwkv7().forward({ q: r, k, v, decay, a, b });
 */
export function rwkv7({ scale }: ScaleOption = {}): LinearAttention<"decay" | "a" | "b"> {
  return linearAttention(
    recurrenceVariant<"decay" | "a" | "b">({
      ...PLAIN,
      name: "rwkv7",
      gates: [channelGate("decay" as const), channelGate("a" as const), channelGate("b" as const)],
      scale: scaleOf("rwkv7", scale, () => 1),
      ruleFlops: 4,
      operands: taken<"decay" | "a" | "b">(({ decay, a, b }) => ({
        decay: { kind: "channel", log: decay },
        rule: { kind: "general", a, b },
      })),
    }),
  );
}
