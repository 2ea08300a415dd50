import { mask, type Attention } from "@saccade/core";
import type { Reach, Visibility } from "@saccade/core/variants";
import { checkWhole, shown } from "./checks.ts";
import type { CommonOptions } from "./common-options.ts";
import { fixedSchedule } from "./fixed-schedule.ts";
import { termsMask } from "./mask-terms.ts";
import { patternAttention, visiblePattern } from "./pattern.ts";

export interface FixedOptions extends CommonOptions {
  /** l: positions of a stretch. The paper takes 128 or 256. */
  readonly stride: number;
  /** c: the last positions of every stretch, which all later queries see. The paper takes 8, 16 or 32. */
  readonly summary: number;
  /**
   * `"both"` merges the two parts into one head; `"local"` and `"summary"` are the paper's factorized heads, for `perHead` or for layers that
   * alternate. Default "both".
   */
  readonly part?: "both" | "local" | "summary" | undefined;
}

/**
 * The fixed pattern of the Sparse Transformer: a query's own stretch of l positions, and the last c of every stretch.
 *
 * ```text
 *   local     floor(q / l) == floor(k / l) and k <= q
 *   summary   k % l >= l - c and k <= q
 * ```
 *
 * A row has about l / 2 + c q / l pairs. Time follows them, but for stretches shorter than a block of rows, which then meets all keys between its
 * first and last stretch. What was said elsewhere than in a summary reaches a later stretch only through it. A decoder keeps all keys, with
 * `"local"` the last l.
 *
 * Source: Child et al. 2019 (Sparse Transformer), section 4.3.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example fixed({ stride: 128, summary: 8 })
 */
export function fixed(options: FixedOptions): Attention {
  const { part = "both" } = options;
  const l = checkWhole("fixed: stride", options.stride, 1);
  const c = checkWhole("fixed: summary", options.summary, 0);
  if (c > l) throw new RangeError(`fixed: summary is ${c}, expected at most the stride, ${l}`);
  const own: Reach = { ahead: 0, back: Infinity, chunk: { length: l, shift: 0, behind: 0 } };
  const causal: Reach = { ahead: 0, back: Infinity };
  switch (part) {
    case "local": {
      const pattern = visiblePattern("fixed", { reach: own, mask: undefined });
      return patternAttention({ ...pattern, retention: { sinks: 0, recent: l } }, options);
    }
    case "summary": {
      const terms = { stretch: { length: l, own: false, summary: c } };
      const schedule = fixedSchedule({ stride: l, summary: c, own: undefined, shown: termsMask(terms) });
      const visibility: Visibility = { reach: causal, mask: mask`k % ${l} >= ${l - c}` };
      return patternAttention({ name: "fixed", visibility, schedule, terms }, options);
    }
    case "both": {
      const terms = { stretch: { length: l, own: true, summary: c } };
      const schedule = fixedSchedule({ stride: l, summary: c, own, shown: termsMask(terms) });
      const visible = mask`floor(q / ${l}) == floor(k / ${l}) || k % ${l} >= ${l - c}`;
      return patternAttention(
        { name: "fixed", visibility: { reach: causal, mask: visible }, schedule, terms },
        options,
      );
    }
    default:
      throw new TypeError(`fixed: part is ${shown(part)}, expected "both", "local" or "summary"`);
  }
}
