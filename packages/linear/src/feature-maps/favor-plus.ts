import { mapRows, type FeatureMap, type MappedRow } from "@saccade/core/variants";
import { checkWhole } from "../checks.ts";
import { projectedRows } from "./projected-rows.ts";
import { orthogonalFeatures } from "./random-features.ts";

export interface FavorPlusOptions {
  /** m: random features. Default floor(D ln D), at least 1. */
  readonly features?: number | undefined;
  /** What the random directions are drawn from: the same seed gives the same ones. Default 0. */
  readonly seed?: number | undefined;
}

/**
 * Positive orthogonal random features (FAVOR+, Performer), whose products are an estimate of softmax weights. With y = x / D^(1/4) and rows
 * w_1..w_m that are orthogonal in blocks of D and as long as normal vectors,
 *
 * ```text
 *   phi(x)_i = exp(w_i . y - |y|^2 / 2)
 *   E phi(q) . phi(k) / m = exp(q . k / sqrt(D))        with an error that shrinks as 1 / sqrt(m)
 * ```
 *
 * Exponents are kept small without looking ahead: those of a query are relative to its largest one, which its normaliser takes out again;
 * those of keys to the largest one so far, and when that rises, the state shrinks by the difference as it does by a decay. Nothing is added
 * to features: a query without weight at all gives 0. Always with a normaliser.
 *
 * Source: Choromanski et al. 2021, "Rethinking attention with performers". performer-pytorch takes the maximum over all keys, later ones
 * included, and adds 1e-4.
 *
 * @throws RangeError when `features` or `seed` is no integer.
 */
export function favorPlus({ features, seed = 0 }: FavorPlusOptions = {}): FeatureMap {
  if (features !== undefined) checkWhole("favorPlus: features", features, 1);
  checkWhole("favorPlus: seed", seed, 0);
  const countOf = (headDim: number): number => features ?? Math.max(1, Math.floor(headDim * Math.log(headDim)));
  const drawn = new Map<number, Float32Array>();
  const directions = (headDim: number): Float32Array => {
    const known = drawn.get(headDim);
    if (known !== undefined) return known;
    const rows = orthogonalFeatures(countOf(headDim), headDim, seed);
    drawn.set(headDim, rows);
    return rows;
  };
  return {
    name: `favorPlus ${features ?? "D ln D"} seed ${seed}`,
    positive: true,
    relative: true,
    features: countOf,
    held: (headDim) => 2 * countOf(headDim) + 2,
    scale: () => 1,
    *map({ x, role, lengths, scratch, maximum }) {
      const count = countOf(x.width);
      const projection = { weights: directions(x.width), heads: 1, features: count };
      const factor = x.width ** -0.25;
      const projected = yield* projectedRows(x, projection, factor, scratch, `${role} W x`);
      const halves = yield* mapRows(x, 1, scratch, `${role} |x|`, ({ source, at, target, to }) => {
        let sum = 0;
        for (let d = 0; d < x.width; d++) sum += source[at + d]! * source[at + d]!;
        target[to] = (sum * factor * factor) / 2;
      });
      const norms = halves.data as Float32Array | Float64Array;
      const relativeTo = ({ source, at, target, to }: MappedRow, top: number): void => {
        for (let f = 0; f < count; f++) target[to + f] = Math.exp(source[at + f]! - top);
      };
      if (role === "query") {
        // The query's |y|^2 / 2 is the same for all features.
        return { rows: yield* mapRows(projected, count, scratch, role, (row) => relativeTo(row, largest(row, count))) };
      }
      const tops = maximum!;
      const log = scratch.take("log", x.batch * x.heads * x.length);
      const rows = yield* mapRows(projected, count, scratch, role, (row) => {
        const [head, index] = [row.b * x.heads + row.h, (row.b * x.heads + row.h) * x.length + row.n];
        if (row.n >= lengths[row.b]!) return;
        const before = tops[head]!;
        // Rounded as the state keeps it, so that what shrinks by it agrees.
        tops[head] = Math.max(before, largest(row, count) - norms[index]!);
        log[index] = before === -Infinity ? 0 : before - tops[head];
        relativeTo(row, tops[head] + norms[index]!);
      });
      return { rows, log: { ...halves, data: log } };
    },
  };
}

function largest({ source, at }: MappedRow, count: number): number {
  let most = -Infinity;
  for (let f = 0; f < count; f++) most = Math.max(most, source[at + f]!);
  return most;
}
