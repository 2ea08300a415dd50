import { mapRows, type FeatureMap, type MappedRow } from "@saccade/core/variants";
import { checkWhole, shown } from "../checks.ts";
import { projectedRows, type Projection } from "./projected-rows.ts";

export interface HedgehogOptions {
  /** One softmax over both signs, or one for each (LoLCATs). Default "joint". */
  readonly softmax?: "joint" | "each" | undefined;
  /** What a model learned. Default: the identity, from which it starts. */
  readonly weights?:
    | {
        /** F: rows of each matrix. */
        readonly features: number;
        /** [H, F, D] */
        readonly queries: Float32Array;
        /** [G, F, D] */
        readonly keys: Float32Array;
      }
    | undefined;
}

/**
 * Features that a model learns to mimic a softmax (Hedgehog): with a matrix for each head
 *
 * ```text
 *   phi(x) = softmax([2 W x, -2 W x])           joint, as in flash-linear-attention
 *   phi(x) = [softmax(W x), softmax(-W x)]      each, as in LoLCATs
 * ```
 *
 * 2 F of them, positive. Scale 1 without a normaliser. Projections cost 2 F D operations a row.
 *
 * Source: Zhang et al. 2024, "The hedgehog and the porcupine: expressive linear attentions with softmax mimicry".
 *
 * @throws TypeError or RangeError when weights are not F rows of a whole number of heads; calls throw one when they are for other heads.
 */
export function hedgehog({ weights, softmax = "joint" }: HedgehogOptions = {}): FeatureMap {
  if (softmax !== "joint" && softmax !== "each") {
    throw new TypeError(`hedgehog: softmax is ${shown(softmax)}, expected "joint" or "each"`);
  }
  if (weights !== undefined) {
    checkWhole("hedgehog: weights.features", weights.features, 1);
    for (const which of ["queries", "keys"] as const) {
      if (weights[which] instanceof Float32Array) continue;
      throw new TypeError(`hedgehog: weights.${which} is ${shown(weights[which])}, expected a Float32Array`);
    }
  }
  const rowsOf = (headDim: number): number => weights?.features ?? headDim;
  return {
    name: `hedgehog ${softmax}`,
    positive: true,
    relative: false,
    features: (headDim) => 2 * rowsOf(headDim),
    held: (headDim) => 3 * rowsOf(headDim),
    scale: () => 1,
    check(where, { heads, kvHeads, headDim }) {
      for (const [which, count] of [
        ["queries", heads],
        ["keys", kvHeads],
      ] as const) {
        const expected = count * rowsOf(headDim) * headDim;
        if (weights === undefined || weights[which].length === expected) continue;
        throw new RangeError(
          `${where}: the map's weights.${which} have ${weights[which].length} numbers, expected ${count} x ` +
            `${weights.features} x ${headDim} = ${expected}`,
        );
      }
    },
    *map({ x, role, scratch }) {
      const features = rowsOf(x.width);
      const projection: Projection | undefined = weights && {
        weights: role === "query" ? weights.queries : weights.keys,
        heads: x.heads,
        features,
      };
      const projected = projection === undefined ? x : yield* projectedRows(x, projection, 1, scratch, `${role} W x`);
      const write = softmax === "joint" ? writeJoint : writeEach;
      const rows = yield* mapRows(projected, 2 * features, scratch, role, (row) => write(row, features));
      return { rows };
    },
  };
}

/** softmax([2 x, -2 x]) */
function writeJoint({ source, at, target, to }: MappedRow, features: number): void {
  let most = 0;
  for (let f = 0; f < features; f++) most = Math.max(most, Math.abs(source[at + f]!));
  let sum = 0;
  for (let f = 0; f < features; f++) {
    const exponent = 2 * source[at + f]!;
    const [up, down] = [Math.exp(exponent - 2 * most), Math.exp(-exponent - 2 * most)];
    target[to + f] = up;
    target[to + features + f] = down;
    sum += up + down;
  }
  for (let f = 0; f < 2 * features; f++) target[to + f]! /= sum;
}

/** [softmax(x), softmax(-x)] */
function writeEach({ source, at, target, to }: MappedRow, features: number): void {
  for (const sign of [1, -1]) {
    const first = sign === 1 ? to : to + features;
    let most = -Infinity;
    for (let f = 0; f < features; f++) most = Math.max(most, sign * source[at + f]!);
    let sum = 0;
    for (let f = 0; f < features; f++) {
      const weight = Math.exp(sign * source[at + f]! - most);
      target[first + f] = weight;
      sum += weight;
    }
    for (let f = 0; f < features; f++) target[first + f]! /= sum;
  }
}
