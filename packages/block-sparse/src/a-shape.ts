import type { Attention } from "@saccade/core";
import { checkWhole } from "./checks.ts";
import type { CommonOptions } from "./common-options.ts";
import { crossPattern } from "./cross-pattern.ts";
import { patternAttention } from "./pattern.ts";

export interface AShapeOptions extends CommonOptions {
  /** The first keys, which stay visible. */
  readonly sinks: number;
  /** W: keys up to the query's own, itself included. */
  readonly recent: number;
}

/**
 * Sinks and a window, the shape of the letter: what MInference's A-shape heads and DuoAttention's streaming heads see.
 *
 * ```text
 *   visible(q, k) = k <= q and (q - k < W or k < sinks)
 * ```
 *
 * A row costs sinks + W pairs at most, a decoder keeps sinks + W + `rewindable` keys whatever the length. For a layer all of whose heads look
 * like this, `slidingWindow` of @saccade/sliding-window also has dilation, learned sinks and positions inside the cache; here it is a part for
 * `perHead`.
 *
 * Sources: Jiang et al. 2024 (MInference), Xiao et al. 2024 (DuoAttention).
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example aShape({ sinks: 64, recent: 256 })
 */
export function aShape(options: AShapeOptions): Attention {
  const sinks = checkWhole("aShape: sinks", options.sinks, 0);
  const recent = checkWhole("aShape: recent", options.recent, 1);
  const columns = Int32Array.from({ length: sinks }, (_, key) => key);
  const bands = [{ near: 0, far: recent - 1 }];
  const pattern = crossPattern("aShape", { columns, rows: new Int32Array(0), bands, causal: true });
  return patternAttention({ ...pattern, retention: { sinks, recent } }, options);
}
