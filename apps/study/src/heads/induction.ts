import { hashEmbedding } from "../text/embedding.ts";
import { NO_NGRAM, ngramKeys } from "../text/n-grams.ts";
import { matchGain } from "./gain.ts";
import type { ConstructedHead, HeadContext } from "./head.ts";

const MARGIN = 3;
const NGRAM_SEED = 0x1d0c7;
/** Positions without an n-gram get an embedding of their own, so that they match nothing. */
const ALONE = 2 ** 52;

/**
 * An induction head (Olsson et al. 2022, arXiv 2209.11895): "... A B ... A -> B". The query at t is the hashed embedding of the
 * n tokens up to t, the key at j that of the n tokens before j, so that t rests on the tokens that followed its n-gram earlier.
 */
export function inductionHead({ text, headDim, ngram }: HeadContext): ConstructedHead {
  const keys = ngramKeys(text.tokens, ngram);
  const keyAt = (position: number): number => (position > 0 ? keys[position - 1]! : NO_NGRAM);
  return {
    job: "induction",
    key(position, into, at) {
      const key = keyAt(position);
      hashEmbedding(key === NO_NGRAM ? ALONE + 2 * position : key, NGRAM_SEED, headDim, into, at);
    },
    query(position, rank, into, at) {
      const key = keys[position]!;
      const gain = matchGain(keys.length, headDim, MARGIN + rank);
      hashEmbedding(key === NO_NGRAM ? ALONE + 2 * position + 1 : key, NGRAM_SEED, headDim, into, at, gain);
    },
    isTarget: (query, key) => keys[query]! !== NO_NGRAM && keys[query] === keyAt(key),
  };
}
