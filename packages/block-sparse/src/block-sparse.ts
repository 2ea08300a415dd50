import { and, mask as maskExpression, type Attention } from "@saccade/core";
import { Mask } from "@saccade/core/variants";
import { checkCallLists, checkedLists, type BlockLists, type CheckedLists } from "./block-list.ts";
import { checkWhole, shown } from "./checks.ts";
import type { CommonOptions } from "./common-options.ts";
import { listPattern } from "./list-pattern.ts";
import { maskPattern, patternAttention, type Pattern } from "./pattern.ts";

export interface BlockSparseOptions extends CommonOptions {
  /** Which pairs are visible; with `blocks`, inside the listed blocks. */
  readonly mask?: Mask | undefined;
  /**
   * Which blocks of keys every block of queries meets, by position: row r of a list is about queries at positions r C .. r C + C - 1.
   * One list for all, or [H] of them, or [B][H].
   */
  readonly blocks?: BlockLists | undefined;
  /**
   * C: positions of a block, any positive integer. Blocks of 64 and more run fastest; multiples of 16 fill the kernels' vectors. Needed with
   * `blocks`. Without, queries that look for their keys together at most; the result does not depend on it, and by default it is what gives
   * the least work.
   */
  readonly blockSize?: number | undefined;
  /** Hide keys after the query's own position. Default false. */
  readonly causal?: boolean | undefined;
}

/**
 * Softmax attention over the pairs that a mask shows, over the pairs inside listed blocks, or over those that both do:
 *
 * ```text
 *   visible(q, k) = mask(q, k) and (the list's row floor(q / C) names floor(k / C))
 * ```
 *
 * Time follows the visible pairs at the granularity of blocks, and memory beyond inputs and output does not grow with length. A schedule
 * takes time and memory in proportion to the listed blocks, or to what the mask's bounds leave open. Queries before position 0 see
 * nothing, queries without visible keys give 0 and an lse of -Infinity. A decoder keeps all keys; give it a list for its whole capacity.
 *
 * @throws RangeError or TypeError when an option is not usable: a list that is not sorted, names a block twice or one below 0. A call throws
 * RangeError when the lists are not for its heads, have no row for its last position, or name a block beyond both its keys and their own rows.
 * @example
 * blockSparse({ mask: mask`${document}[q] == ${document}[k] && k <= q` })
 * @example
 * const blocks = { starts: Int32Array.of(0, 1, 3), keyBlocks: Int32Array.of(0, 0, 1) };
 * blockSparse({ blocks, blockSize: 64, causal: true })
 */
export function blockSparse(options: BlockSparseOptions): Attention {
  const { mask, blocks, blockSize, causal = false } = options;
  if (mask === undefined && blocks === undefined)
    throw new TypeError("blockSparse: expected a mask or blocks, got neither");
  if (mask !== undefined && !(mask instanceof Mask)) {
    throw new TypeError(`blockSparse: mask is ${shown(mask)}, expected a mask expression`);
  }
  const visible = and(...(causal ? [CAUSAL] : []), ...(mask === undefined ? [] : [mask]));
  if (blocks === undefined || blockSize !== undefined) checkWhole("blockSparse: blockSize", blockSize ?? 1, 1);
  else throw new TypeError("blockSparse: blockSize is missing, expected the positions of a block");
  const pattern =
    blocks === undefined
      ? maskPattern("blockSparse", visible, blockSize)
      : listsPattern(checkedLists("blockSparse", blocks), blockSize!, visible);
  return patternAttention(pattern, options);
}

const CAUSAL: Mask = maskExpression`k <= q`;

function listsPattern(perBatch: CheckedLists, blockSize: number, visible: Mask): Pattern {
  return listPattern({
    name: "blockSparse",
    blockSize,
    shown: visible,
    listOf: (b, h) => {
      const perHead = perBatch[perBatch.length === 1 ? 0 : b]!;
      return perHead[perHead.length === 1 ? 0 : h]!;
    },
    check: (shape, rows) => checkCallLists("blockSparse", perBatch, shape, blockSize, rows),
  });
}
