import { BLOCK_ROWS } from "../schedule/schedule.ts";
import type { AttentionShape } from "../shape.ts";

/** Numbers of the reductions in kernels: `SCORES_*` in job.h. */
export const SCORING = { each: 1, sum: 2, max: 3, mass: 4, relu: 5 } as const;

/** Sizes of a job of scores. */
export type PairSizes = Omit<AttentionShape, "valueDim">;

/** Work of a unit, in floating-point operations, that is not to be exceeded by much: then a thread can look up every few milliseconds. */
const UNIT_FLOPS = 48e6;
/** Units that a job should have at least, so that every core finds work until the end. */
const WANTED_UNITS = 16;
/** Keys of a unit at least, and what their number is a multiple of. */
const KEY_STEP = 256;

/** Units of a job of scores: the query heads of a key head, a block of positions and a range of keys. */
export function pairUnits({ batch, heads, kvHeads, queries, keys, headDim }: PairSizes): Int32Array {
  const group = heads / kvHeads;
  const positions = Math.min(queries, Math.max(1, Math.floor(BLOCK_ROWS / group)));
  const blocks = Math.ceil(queries / positions);
  const byWork = Math.ceil((2 * positions * group * headDim * keys) / UNIT_FLOPS);
  const parts = Math.max(byWork, Math.ceil(WANTED_UNITS / (batch * kvHeads * blocks)));
  const width = Math.max(1, Math.ceil(keys / parts / KEY_STEP)) * KEY_STEP;
  const units: number[] = [];
  for (let head = 0; head < batch * kvHeads; head++) {
    const [b, g] = [Math.floor(head / kvHeads), head % kvHeads];
    for (let first = 0; first < queries; first += positions) {
      const count = Math.min(positions, queries - first);
      for (let key = 0; key < keys; key += width) {
        units.push(b, g * group, group, g, first, count, key, Math.min(keys, key + width), 0, 1, 0, 0);
      }
    }
  }
  return Int32Array.from(units);
}
