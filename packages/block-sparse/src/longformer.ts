import type { Attention } from "@saccade/core";
import { checkWhole } from "./checks.ts";
import type { CommonOptions } from "./common-options.ts";
import { crossPattern } from "./cross-pattern.ts";
import { patternAttention } from "./pattern.ts";
import { ascending } from "./positions-list.ts";

export interface LongformerOptions extends CommonOptions {
  /** W: keys to either side that a query sees, itself included: abs(q - k) < W. */
  readonly window: number;
  /** Positions that see everything and that everything sees: how many of the first ones, or a list of them. */
  readonly global: number | ArrayLike<number>;
  /** Hide keys after the query's own position. Default false. */
  readonly causal?: boolean | undefined;
}

/**
 * A window and global tokens, which are symmetric:
 *
 * ```text
 *   visible(q, k) = abs(q - k) < W or q in global or k in global        and k <= q when causal
 * ```
 *
 * A row costs 2 W - 1 + global pairs, a global one all keys. Longformer's attention window of w keys, w / 2 to either side, is W = w / 2 + 1
 * here. Its global tokens have projections of their own; give these to queries and keys before they come here. A decoder keeps all
 * keys.
 *
 * Source: Beltagy et al. 2020 (Longformer).
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example longformer({ window: 257, global: [0, 41, 42] })
 */
export function longformer(options: LongformerOptions): Attention {
  const { global, causal = false } = options;
  const window = checkWhole("longformer: window", options.window, 1);
  const tokens =
    typeof global === "number"
      ? Int32Array.from({ length: checkWhole("longformer: global", global, 0) }, (_, i) => i)
      : ascending("longformer: global", global);
  const bands = [{ near: causal ? 0 : 1 - window, far: window - 1 }];
  return patternAttention(crossPattern("longformer", { columns: tokens, rows: tokens, bands, causal }), options);
}
