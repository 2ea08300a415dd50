/**
 * Which keys a query sees by its position p = i + queryOffset[b]:
 *
 * ```text
 *   p - back <= key <= p + ahead
 *   start(p) - behind <= key        with a chunk, start(p) = floor((p + shift) / chunk) chunk - shift
 * ```
 */
export interface Reach {
  /** Keys after the query's own position; Infinity for all, 0 when causal. */
  readonly ahead: number;
  /** Keys before the query's own position; Infinity for all. */
  readonly back: number;
  /** C: keys before the query's own chunk are hidden, but for `behind` of them. */
  readonly chunk?: { readonly length: number; readonly shift: number; readonly behind: number } | undefined;
}

/** Everything. */
export const UNBOUNDED: Reach = { ahead: Infinity, back: Infinity };

/** Ints of one reach in a packed list, in the order of `Reach` in job.h: ahead, back, chunk, shift, behind. */
export const REACH_INTS = 5;

const UNLIMITED = 0x7fff_ffff;

/** The first key of a position's range, before it is cut off at 0. */
export function reachStart({ back, chunk }: Reach, position: number): number {
  const start = position - back;
  if (chunk === undefined) return start;
  const { length, shift, behind } = chunk;
  return Math.max(start, Math.floor((position + shift) / length) * length - shift - behind);
}

/** One past the last key of a position's range, before it is cut off at the number of keys. */
export function reachEnd({ ahead }: Reach, position: number): number {
  return position + ahead + 1;
}

/** Reaches as kernels take them. */
export function packReaches(reaches: readonly Reach[]): Int32Array {
  const packed = new Int32Array(reaches.length * REACH_INTS);
  reaches.forEach(({ ahead, back, chunk }, i) => {
    const rest = chunk === undefined ? [0, 0, 0] : [chunk.length, chunk.shift, chunk.behind];
    packed.set([Math.min(ahead, UNLIMITED), Math.min(back, UNLIMITED), ...rest], i * REACH_INTS);
  });
  return packed;
}
