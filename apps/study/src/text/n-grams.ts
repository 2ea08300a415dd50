/** The key of a position that has no n tokens up to it yet. */
export const NO_NGRAM = -1;

/**
 * 53-bit hashes of the n tokens that end at each position, [N]; NO_NGRAM for the first n - 1.
 * Two different n-grams among a million share a hash with probability 1e-4, so a hash stands for its n-gram.
 */
export function ngramKeys(tokens: Int32Array, n: number): Float64Array {
  const keys = new Float64Array(tokens.length).fill(NO_NGRAM);
  for (let end = n - 1; end < tokens.length; end++) {
    let high = 1;
    let low = 2;
    for (let at = end - n + 1; at <= end; at++) {
      high = mix32(high ^ tokens[at]!);
      low = mix32((low + 0x9e3779b9) ^ Math.imul(tokens[at]!, 3));
    }
    keys[end] = high * 0x20_0000 + (low >>> 11);
  }
  return keys;
}

/** A bijection of 32-bit integers whose output bits each depend on all input bits (lowbias32 by C. Wellons). */
export function mix32(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}
