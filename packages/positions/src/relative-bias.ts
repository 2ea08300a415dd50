import { score, type Score } from "@saccade/core";
import { checkWhole } from "./checks.ts";
import { t5Buckets, type T5BucketOptions } from "./t5-buckets.ts";

/**
 * A bias by head and distance as a score: s + table[h, k - q], where distances beyond the table count as its ends.
 *
 * @param table [H, 2 reach + 1], the biases of k - q = -reach to reach.
 * @throws TypeError when the table is no Float32Array, RangeError when its length is not H times an odd number.
 */
export function relativeBias(table: Float32Array, heads: number): Score {
  if (!(table instanceof Float32Array)) throw new TypeError("relativeBias: expected a table as a Float32Array");
  checkWhole("relativeBias: heads", heads, 1);
  const span = table.length / heads;
  if (!Number.isInteger(span) || span % 2 !== 1) {
    throw new RangeError(
      `relativeBias: the table has ${table.length} numbers, expected H = ${heads} times an odd number`,
    );
  }
  const reach = (span - 1) / 2;
  // By q - k, which rises along the queries that a kernel takes at a time: their biases are then one load. Where a head's biases
  // begin is added to the query and to the bounds, once a row, and not to every pair.
  const reversed = Float32Array.from(table, (_, i) => table[i - (i % span) + span - 1 - (i % span)]!);
  return score`s + ${reversed}[min(max(q + h * ${span} + ${reach} - k, h * ${span}), h * ${span} + ${span - 1})]`;
}

export interface T5BiasOptions extends T5BucketOptions {
  /** H */
  readonly heads: number;
}

/**
 * T5's relative bias as a score: s + weights[bucket(k - q), h], with the buckets looked up beforehand for each distance.
 *
 * @param weights [buckets, H], the model's relative_attention_bias.
 * @throws RangeError when `weights` does not have buckets x H numbers.
 */
export function t5Bias(weights: Float32Array, { heads, ...options }: T5BiasOptions): Score {
  checkWhole("t5Bias: heads", heads, 1);
  const byDistance = t5Buckets(options);
  const buckets = options.buckets ?? 32;
  if (weights?.length !== buckets * heads) {
    throw new RangeError(
      `t5Bias: weights has ${String(weights?.length)} numbers, expected buckets x H = ${buckets * heads}`,
    );
  }
  const span = byDistance.length;
  const table = Float32Array.from({ length: heads * span }, (_, i) => {
    const head = Math.floor(i / span);
    return weights[byDistance[i % span]! * heads + head]!;
  });
  return relativeBias(table, heads);
}
