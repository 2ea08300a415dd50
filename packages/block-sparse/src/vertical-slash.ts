import type { Attention } from "@saccade/core";
import type { CommonOptions } from "./common-options.ts";
import { crossPattern } from "./cross-pattern.ts";
import { bandsOf } from "./key-bands.ts";
import { patternAttention } from "./pattern.ts";
import { ascending } from "./positions-list.ts";

export interface VerticalSlashOptions extends CommonOptions {
  /** Keys that every query from their own position on sees, in any order. */
  readonly verticals: ArrayLike<number>;
  /** Distances q - k that every query sees, 0 for its own key, in any order. */
  readonly slashes: ArrayLike<number>;
}

/**
 * Columns and diagonals, exactly, not rounded up to blocks; a pair on both counts once:
 *
 * ```text
 *   visible(q, k) = k <= q and (k in verticals or q - k in slashes)
 * ```
 *
 * A row has verticals + slashes pairs at most. Columns cost what is visible: they are named one by one. A row meets the keys that a diagonal
 * shows to the rows of its block, so that an isolated diagonal costs half a block of rows for every visible pair, and a band of neighbouring ones
 * half a block beside its width. Blocks become smaller the more isolated diagonals there are, down to 16 rows of stacked heads;
 * many of them can still cost more than dense attention: `plan().visitedPairs` says what a choice comes to. A decoder keeps all keys.
 *
 * Source: Jiang et al. 2024 (MInference). `estimateVerticalSlash` finds columns and diagonals in a prompt.
 *
 * @throws RangeError or TypeError when an option is not usable.
 * @example verticalSlash({ verticals: [0, 1, 2, 3, 97], slashes: [0, 1, 2, 3, 4, 5, 64, 128] })
 */
export function verticalSlash(options: VerticalSlashOptions): Attention {
  const columns = ascending("verticalSlash: verticals", options.verticals);
  const slashes = ascending("verticalSlash: slashes", options.slashes);
  const cross = { columns, rows: new Int32Array(0), bands: bandsOf(slashes), causal: true };
  return patternAttention(crossPattern("verticalSlash", cross), options);
}
