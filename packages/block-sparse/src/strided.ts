import { mask, type Attention, type Mask } from "@saccade/core";
import { bandOf } from "@saccade/core/variants";
import { checkWhole, shown } from "./checks.ts";
import type { CommonOptions } from "./common-options.ts";
import { maskPattern, patternAttention } from "./pattern.ts";
import { stridedSchedule } from "./strided-schedule.ts";

export interface StridedOptions extends CommonOptions {
  /** l: the width of the local part and the step of the other. The paper takes about sqrt(N). */
  readonly stride: number;
  /**
   * `"both"` merges the two parts into one head; `"local"` and `"strided"` are the paper's factorized heads, for `perHead` or for layers that
   * alternate. Default "both".
   */
  readonly part?: "both" | "local" | "strided" | undefined;
}

/**
 * The strided pattern of the Sparse Transformer: what is near, and every l-th key before.
 *
 * ```text
 *   local     0 <= q - k <= l
 *   strided   k <= q and (q - k) % l == 0
 * ```
 *
 * A row has about l + q / l pairs. Both parts cost what is visible: queries of one residue class meet keys of one. For data with a structure of
 * period l (rows of an image); on text it fails where `fixed` does not. A decoder keeps all keys, with `"local"` the last l + 1.
 *
 * Source: Child et al. 2019 (Sparse Transformer), section 4.3.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example strided({ stride: 128 })
 */
export function strided(options: StridedOptions): Attention {
  const { part = "both" } = options;
  const stride = checkWhole("strided: stride", options.stride, 1);
  const local = mask`q - k <= ${stride}`;
  const far = mask`(q - k) % ${stride} == 0`;
  switch (part) {
    case "local": {
      const pattern = maskPattern("strided", mask`k <= q && ${local}`);
      return patternAttention({ ...pattern, retention: { sinks: 0, recent: stride + 1 } }, options);
    }
    case "strided":
      return patternAttention(residues(far, { stride, local: false }), options);
    case "both":
      return patternAttention(residues(mask`${local} || ${far}`, { stride, local: true }), options);
    default:
      throw new TypeError(`strided: part is ${shown(part)}, expected "both", "local" or "strided"`);
  }
}

function residues(visible: Mask, parts: { readonly stride: number; readonly local: boolean }) {
  const { ahead, back, rest } = bandOf(mask`k <= q && (${visible})`);
  return {
    name: "strided",
    visibility: { reach: { ahead, back }, mask: rest },
    ...stridedSchedule(parts),
  };
}
