import { checkWhole } from "./checks.ts";

export interface T5BucketOptions {
  /** Rows of the model's table of biases. Default 32. */
  readonly buckets?: number | undefined;
  /** From this distance on all share one bucket. Default 128. */
  readonly maxDistance?: number | undefined;
  /** Whether keys after a query have buckets of their own (encoders); otherwise they are in bucket 0 (decoders). Default true. */
  readonly bidirectional?: boolean | undefined;
}

/**
 * The relative position buckets of T5 (Raffel et al., 2020): small distances have a bucket each, larger ones share them logarithmically.
 *
 * With n = |k - q|, B the buckets of one direction and e = floor(B / 2):
 *
 * ```text
 *   n                                                                    n < e
 *   min(B - 1, e + floor(ln(n / e) / ln(maxDistance / e) (B - e)))       else
 * ```
 *
 * `bidirectional` halves the buckets: those of keys after the query follow those of keys before it. The logarithms are compared exactly, as
 * integers, so that no rounding moves a distance into another bucket.
 *
 * @returns [2 maxDistance + 1], the bucket of k - q = -maxDistance to maxDistance; beyond, that of the end.
 * @throws RangeError for sizes that make no sense.
 */
export function t5Buckets(options: T5BucketOptions = {}): Int32Array {
  const { buckets = 32, maxDistance = 128, bidirectional = true } = options;
  const perDirection = Math.floor(bidirectional ? buckets / 2 : buckets);
  checkWhole("t5Buckets: buckets", buckets, bidirectional ? 4 : 2);
  const exact = Math.floor(perDirection / 2);
  checkWhole("t5Buckets: maxDistance", maxDistance, exact + 1);
  const byDistance = distanceBuckets(perDirection, exact, maxDistance);
  return Int32Array.from({ length: 2 * maxDistance + 1 }, (_, i) => {
    const relative = i - maxDistance;
    if (relative <= 0) return byDistance[-relative]!;
    return bidirectional ? perDirection + byDistance[relative]! : 0;
  });
}

/** The buckets of distances 0 to maxDistance. */
function distanceBuckets(buckets: number, exact: number, maxDistance: number): Int32Array {
  const shared = BigInt(buckets - exact);
  const [e, most] = [BigInt(exact), BigInt(maxDistance)];
  /** floor(ln(n / e) / ln(most / e) shared) >= step, without logarithms. */
  const reaches = (n: bigint, step: bigint): boolean => n ** shared * e ** step >= most ** step * e ** shared;
  const found = new Int32Array(maxDistance + 1);
  let bucket = exact;
  for (let n = 0; n <= maxDistance; n++) {
    if (n < exact) {
      found[n] = n;
      continue;
    }
    while (bucket < buckets - 1 && reaches(BigInt(n), BigInt(bucket - exact + 1))) bucket++;
    found[n] = bucket;
  }
  return found;
}
