import { mask, type Attention, type Mask } from "@saccade/core";
import { checkWhole, shown } from "./checks.ts";
import type { CommonOptions } from "./common-options.ts";
import { maskPattern, patternAttention } from "./pattern.ts";

export interface DocumentOptions extends CommonOptions {
  /** Hide keys after the query's own position. Default true. */
  readonly causal?: boolean | undefined;
}

/**
 * Documents packed one after the other into one sequence, which do not see each other:
 *
 * ```text
 *   visible(q, k) = document(q) == document(k) and k <= q        k <= q only when causal
 * ```
 *
 * Positions beyond the last document are padding: they see nothing, and nothing sees them. Time follows the visible pairs,
 * the sum of the documents' squared lengths (half of it when causal); the schedule of a million tokens takes tens of milliseconds. It
 * takes 4 bytes a token and batch element, twice that without `causal`. A decoder keeps all keys.
 *
 * Source: Krell et al. 2021 (packing); `cu_seqlens` of flash-attention, block-diagonal masks of xFormers.
 *
 * @param lengths tokens of each document, 0 or more; or [B] of such lists.
 * @throws RangeError or TypeError when a length or option is not usable.
 * @example
 * const attend = document([120, 40, 800]);
 */
export function document(
  lengths: ArrayLike<number> | readonly ArrayLike<number>[],
  options: DocumentOptions = {},
): Attention {
  const lists = checkedLengths(lengths);
  const pattern = maskPattern("document", documentMask(lists, options.causal ?? true));
  return patternAttention(
    {
      ...pattern,
      schedule: (shape, at, pairTerms) => {
        if (lists.length !== 1 && lists.length !== shape.batch) {
          throw new RangeError(
            `document: lengths has ${lists.length} lists, expected one for each of B = ${shape.batch}`,
          );
        }
        return pattern.schedule(shape, at, pairTerms);
      },
    },
    options,
  );
}

/** Later than any position. */
const NEVER: number = 2 ** 30;

function checkedLengths(lengths: ArrayLike<number> | readonly ArrayLike<number>[]): readonly ArrayLike<number>[] {
  if (typeof lengths?.length !== "number" || lengths.length === 0) {
    throw new TypeError(`document: lengths is ${shown(lengths)}, expected a length for every document`);
  }
  const nested = typeof lengths[0] === "object";
  const lists = nested ? (lengths as readonly ArrayLike<number>[]) : [lengths as ArrayLike<number>];
  return lists.map((each, b) => {
    const name = nested ? `document: lengths[${b}]` : "document: lengths";
    if (typeof each?.length !== "number") throw new TypeError(`${name} is ${shown(each)}, expected lengths`);
    return Array.from(each, (length, i) => checkWhole(`${name}[${i}]`, length, 0));
  });
}

function documentMask(lists: readonly ArrayLike<number>[], causal: boolean): Mask {
  const totals = lists.map((each) => Array.from(each).reduce((sum, length) => sum + length, 0));
  // One more entry than any sequence has tokens stands for everything behind it.
  const stride = checkWhole("document: the sum of lengths", Math.max(...totals), 0) + 1;
  const starts = new Int32Array(stride * lists.length).fill(NEVER);
  const ends = causal ? undefined : new Int32Array(starts.length);
  for (const [b, each] of lists.entries()) {
    let start = 0;
    for (let i = 0; i < each.length; i++) {
      const end = start + each[i]!;
      starts.fill(start, b * stride + start, b * stride + end);
      ends?.fill(end, b * stride + start, b * stride + end);
      start = end;
    }
  }
  const from = (table: Int32Array): Mask =>
    lists.length === 1 ? mask`k >= ${table}[q]` : mask`k >= ${table}[b * ${stride} + min(q, ${stride - 1})]`;
  const after = mask`q >= 0 && ${from(starts)}`;
  return ends === undefined ? mask`${after} && k <= q` : mask`${after} && !(${from(ends)})`;
}
