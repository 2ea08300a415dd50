import { hashEmbedding } from "../text/embedding.ts";
import type { ConstructedHead, HeadContext } from "./head.ts";

/** Keys that a sink head rests on. */
export const SINK_TOKENS = 4;
const TOKEN_SEED = 0x51ac;
/** Logit of a key with the same token. */
const CONTENT = 3;
const MARGIN = 2;

/**
 * A head that rests on the first keys (attention sinks, Xiao et al. 2023, arXiv 2309.17453). The first dimension belongs to the sink:
 * only the first `SINK_TOKENS` keys have it. The others hold the token's hashed embedding, so that what is left over goes to equal tokens.
 * The sink's logit is ln N above what all equal tokens could hold together.
 */
export function sinkHead({ text, headDim }: HeadContext): ConstructedHead {
  const content = headDim - 1;
  const height = Math.log(text.tokens.length) - Math.log(SINK_TOKENS) + CONTENT + MARGIN;
  return {
    job: "sink",
    key(position, into, at) {
      into[at] = position < SINK_TOKENS ? 1 : 0;
      hashEmbedding(text.tokens[position]!, TOKEN_SEED, content, into, at + 1);
    },
    query(position, rank, into, at) {
      into[at] = height;
      hashEmbedding(text.tokens[position]!, TOKEN_SEED, content, into, at + 1, CONTENT / (1 + rank));
    },
    isTarget: (_query, key) => key < SINK_TOKENS,
  };
}
