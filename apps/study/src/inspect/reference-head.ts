import type { Reference } from "@saccade/nn";
import type { ConstructedHead, HeadContext } from "../heads/head.ts";
import { matchGain } from "../heads/gain.ts";
import { hashEmbedding } from "../text/embedding.ts";

const MARGIN = 3;
const SEED = 0x4ef3;

/**
 * A head that resolves one reference, because it was told to: the key at j is the hashed embedding of its token, the query at t that of its own
 * token, and the query of the reference that of the token it stands for. It shows what an attention would find if a head knew, and says
 * nothing about whether a trained head knows.
 */
export function referenceHead(
  { text: { tokens }, headDim }: HeadContext,
  { query: it, key: meant }: Reference,
): Pick<ConstructedHead, "key" | "query"> {
  const gain = matchGain(tokens.length, headDim, MARGIN);
  return {
    key: (position, into, at) => hashEmbedding(tokens[position]!, SEED, headDim, into, at),
    query: (position, _rank, into, at) =>
      hashEmbedding(tokens[position === it ? meant : position]!, SEED, headDim, into, at, gain),
  };
}
