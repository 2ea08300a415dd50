import { checkSize } from "../shape.ts";
import type { Mask } from "./expression.ts";

/** Which pairs to draw. */
export interface DrawOptions {
  /** Rows. Default 16. */
  readonly queries?: number | undefined;
  /** Columns. Default: as many as queries. */
  readonly keys?: number | undefined;
  /** Position of the first row. Default keys - queries: the last query meets the last key. */
  readonly queryOffset?: number | undefined;
  /** Batch element. Default 0. */
  readonly batch?: number | undefined;
  /** Query head. Default 0. */
  readonly head?: number | undefined;
}

/** Columns between numbers of the axis. */
const AXIS_STEP = 8;

/**
 * One character a pair, `#` visible and `.` hidden, a row for every query with its position before it:
 *
 * ```text
 *    k 0
 * q 0  #...
 *   1  ##..
 *   2  .##.
 *   3  ..##
 * ```
 */
export function drawMask(mask: Mask, options: DrawOptions): string {
  const where = "mask.draw";
  const queries = checkSize(where, "queries", options.queries ?? 16, 0);
  const keys = checkSize(where, "keys", options.keys ?? queries, 0);
  const { queryOffset = keys - queries, batch: b = 0, head: h = 0 } = options;
  const positions = Array.from({ length: queries }, (_, i) => i + queryOffset);
  const width = Math.max(...[positions[0] ?? 0, positions.at(-1) ?? 0].map((position) => String(position).length));
  const lines = [`${" ".repeat(width + 2)}k ${axis(keys)}`.trimEnd()];
  for (const [i, q] of positions.entries()) {
    let line = `${i === 0 ? "q" : " "} ${String(q).padStart(width)}  `;
    for (let k = 0; k < keys; k++) line += mask.at({ q, k, b, h }) ? "#" : ".";
    lines.push(line.trimEnd());
  }
  return lines.join("\n");
}

function axis(keys: number): string {
  let line = "";
  for (let k = 0; k < keys; k += AXIS_STEP) line = line.padEnd(k) + String(k);
  return line;
}
