import { and, mask, type Attention } from "@saccade/core";
import { checkWhole, shown } from "./checks.ts";
import type { CommonOptions } from "./common-options.ts";
import { listPattern, type BlockRowList } from "./list-pattern.ts";
import { patternAttention } from "./pattern.ts";
import { draw } from "./random-draw.ts";

export interface BigBirdOptions extends CommonOptions {
  /** C: positions of a block. */
  readonly blockSize: number;
  /** Blocks of the window, an odd number: 3 is a block's own and one to either side. */
  readonly window: number;
  /** The first blocks, which see everything and which everything sees. */
  readonly global: number;
  /** Blocks that every block of queries draws. */
  readonly random: number;
  /** Any 32-bit integer; the same seed draws the same blocks. Default 0. */
  readonly seed?: number | undefined;
  /** Hide keys after the query's own position; blocks are then drawn from those before the window only. Default false. */
  readonly causal?: boolean | undefined;
  /** Tokens that blocks are drawn from. Needed where blocks are drawn and it is not causal; a call may have fewer, but not more. */
  readonly length?: number | undefined;
}

/**
 * Window, global and random blocks. With i = floor(q / C), j = floor(k / C), w blocks of window and g global ones:
 *
 * ```text
 *   visible(q, k) = abs(i - j) <= (w - 1) / 2  or  i < g  or  j < g  or  j in random(i)        and k <= q when causal
 * ```
 *
 * random(i) are blocks outside window and global ones, all of them alike: of those before the window when causal, else of
 * all in `length`. They follow from seed and i alone (mulberry32 seeded by both, Floyd's sampling), so that a decoder finds those
 * of the prompt. All heads draw alike; `perHead` takes patterns of other seeds. A block costs w + g + random blocks, a global one all. A decoder
 * keeps all keys.
 *
 * Source: Zaheer et al. 2020 (BigBird), internal transformer construction.
 *
 * @throws RangeError or TypeError when an option is not usable, or a call is longer than `length`.
 * @example bigBird({ blockSize: 64, window: 3, global: 2, random: 3, seed: 1, length: 4096 })
 */
export function bigBird(options: BigBirdOptions): Attention {
  const { seed = 0, causal = false, length } = options;
  const blockSize = checkWhole("bigBird: blockSize", options.blockSize, 1);
  const window = checkWhole("bigBird: window", options.window, 1);
  const global = checkWhole("bigBird: global", options.global, 0);
  const random = checkWhole("bigBird: random", options.random, 0);
  if (window % 2 === 0) throw new RangeError(`bigBird: window is ${window}, expected an odd number of blocks`);
  if ((seed | 0) !== seed && seed >>> 0 !== seed) {
    throw new RangeError(`bigBird: seed is ${shown(seed)}, expected a 32-bit integer`);
  }
  if (random > 0 && !causal && length === undefined) {
    throw new TypeError("bigBird: length is missing, expected the tokens that random blocks are drawn from");
  }
  const total = length === undefined ? undefined : Math.ceil(checkWhole("bigBird: length", length, 1) / blockSize);
  const side = (window - 1) / 2;
  /** Random blocks of a row: those before its window are numbered first, then those after it. */
  const drawn = (row: number): number[] => {
    const after = Math.max(row + side + 1, global);
    const before = Math.max(0, row - side - global);
    const count = before + (causal ? 0 : Math.max(0, (total ?? 0) - after));
    return draw(seed, row, random, count).map((i) => (i < before ? global + i : after + i - before));
  };
  const blocks: BlockRowList = {
    rowOf: (row, columns) => {
      const upTo = causal ? Math.min(row + 1, columns) : columns;
      if (row < global) return Int32Array.from({ length: upTo }, (_, block) => block);
      const low = Math.max(0, row - side);
      const near = Array.from({ length: Math.max(0, Math.min(upTo, row + side + 1) - low) }, (_, i) => low + i);
      const first = Array.from({ length: Math.min(global, upTo) }, (_, block) => block);
      const some = drawn(row).filter((block) => block < upTo);
      return Int32Array.from(new Set([...first, ...some, ...near])).sort();
    },
    repeats: (row) => !causal && row < global,
    names: (row, block) =>
      Math.abs(row - block) <= side || row < global || block < global || drawn(row).includes(block),
  };
  const pattern = listPattern({
    name: "bigBird",
    blockSize,
    shown: causal ? mask`k <= q` : and(),
    listOf: () => blocks,
    check: ({ keys }, rows) => {
      if (total === undefined || Math.max(Math.ceil(keys / blockSize), rows) <= total) return;
      throw new RangeError(`bigBird: length is ${length}, the call has M = ${keys} keys or later queries`);
    },
  });
  return patternAttention(pattern, options);
}
