import { mix32 } from "./n-grams.ts";

/**
 * Writes the hashed embedding of `key` (an integer of up to 53 bits) as a unit vector into `into` from `at`:
 * `width` signs, each +-1 / sqrt(width). Two different keys have a cosine of mean 0 and variance 1 / width,
 * whatever the keys are, so nothing has to be learned or stored.
 */
export function hashEmbedding(
  key: number,
  seed: number,
  width: number,
  into: Float32Array,
  at: number,
  length = 1,
): void {
  const unit = length / Math.sqrt(width);
  const low = mix32((key >>> 0) ^ seed);
  const high = Math.floor(key / 0x1_0000_0000) >>> 0;
  let bits = 0;
  for (let i = 0; i < width; i++) {
    if ((i & 31) === 0) bits = mix32(low ^ mix32(high + Math.imul((i >>> 5) + 1, 0x9e3779b9)));
    into[at + i] = (bits >>> (i & 31)) & 1 ? unit : -unit;
  }
}

/** Embeddings of the tokens 0 .. vocabulary - 1 as rows, [vocabulary, E]. */
export function tokenEmbeddings(vocabulary: number, width: number): Float32Array {
  const rows = new Float32Array(vocabulary * width);
  for (let token = 0; token < vocabulary; token++) hashEmbedding(token, TOKEN_SEED, width, rows, token * width);
  return rows;
}

/** The token whose embedding is nearest to a vector: the largest product, as all embeddings are as long. */
export function nearestToken(embeddings: Float32Array, width: number, vector: Float32Array, at: number): number {
  let best = 0;
  let nearest = -Infinity;
  for (let row = 0; row < embeddings.length; row += width) {
    let product = 0;
    for (let e = 0; e < width; e++) product += embeddings[row + e]! * vector[at + e]!;
    if (product > nearest) {
      nearest = product;
      best = row;
    }
  }
  return best / width;
}

const TOKEN_SEED = 0x5acade;
