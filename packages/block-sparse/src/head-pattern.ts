import type { Attention } from "@saccade/core";
import { aShape } from "./a-shape.ts";
import { blockSparse } from "./block-sparse.ts";
import { shown } from "./checks.ts";
import type { VerticalSlashLists } from "./vertical-slash-lists.ts";
import { verticalSlash } from "./vertical-slash.ts";

/** What one query head sees, as plain data that JSON keeps. All are causal. */
export type HeadPattern = AShapePattern | VerticalSlashPattern | BlocksPattern;

export interface AShapePattern {
  readonly kind: "aShape";
  readonly sinks: number;
  readonly recent: number;
}

export interface VerticalSlashPattern extends VerticalSlashLists {
  readonly kind: "verticalSlash";
}

export interface BlocksPattern {
  readonly kind: "blocks";
  /** C */
  readonly blockSize: number;
  /** First entry of every block of queries in `keyBlocks`, then their number. */
  readonly starts: readonly number[];
  /** Blocks of keys, ascending for each block of queries. */
  readonly keyBlocks: readonly number[];
}

/** @throws TypeError when the pattern is of no known kind, RangeError when its numbers are not usable. */
export function attentionOfPattern(where: string, pattern: HeadPattern): Attention {
  switch (pattern.kind) {
    case "aShape":
      return aShape({ sinks: pattern.sinks, recent: pattern.recent });
    case "verticalSlash":
      return verticalSlash({ verticals: pattern.verticals, slashes: pattern.slashes });
    case "blocks": {
      const { blockSize, starts, keyBlocks } = pattern;
      const blocks = { starts: Int32Array.from(starts), keyBlocks: Int32Array.from(keyBlocks) };
      return blockSparse({ blocks, blockSize, causal: true });
    }
    default:
      throw new TypeError(
        `${where} has kind ${shown((pattern as { kind: unknown }).kind)}, expected "aShape", "verticalSlash" or "blocks"`,
      );
  }
}
