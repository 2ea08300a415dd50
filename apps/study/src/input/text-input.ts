import { basename } from "node:path";
import { type Tensor, tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import { constructHead, jobOf } from "../heads/constructed.ts";
import { nearestToken, tokenEmbeddings } from "../text/embedding.ts";
import { followersAt, isMostFrequent } from "../text/followers.ts";
import { ngramKeys } from "../text/n-grams.ts";
import { readTokens, type TokenText } from "../text/token-text.ts";
import type { HeadRange, Input, Retrieval, Slice, TextSpec } from "./input.ts";

/** Positions at which an output is scored: at most, and where the text is so long that each of them costs much. */
const MOST_SCORED = 1024;
const LEAST_SCORED = 256;
/** Keys that rows at all of them may meet. */
const SCORED_PAIRS = 2 ** 27;

/** Real text under constructed heads: keys and queries by the head's job, values the hashed embeddings of the tokens. */
export function textInput(spec: TextSpec): Input {
  const whole = readTokens(spec.file, spec.tokens);
  const excerpt = (length: number): TokenText => ({ ...whole, tokens: middle(whole.tokens, length) });
  const unit = spec.tokens === "bytes" ? "bytes" : "words and marks";
  return {
    kind: "text",
    description: `${basename(spec.file)}, ${whole.tokens.length} ${unit}, induction over ${spec.ngram}`,
    heads: spec.heads,
    kvHeads: spec.kvHeads,
    headDim: spec.headDim,
    valueDim: spec.headDim,
    maxLength: whole.tokens.length,
    scale: undefined,
    slice: (length, range) => constructSlice(excerpt(length), spec, range),
    head: (length, kvHead) =>
      constructHead(kvHead, { text: excerpt(length), headDim: spec.headDim, ngram: spec.ngram }),
    retrievalPositions: scoredPositions,
    retrieval: (length, range, out, causal) => scoreRetrieval(excerpt(length), spec, range, out, causal),
  };
}

/** Tokens from the middle of a text: its beginning, a licence or a title page, is not like the rest. */
function middle(tokens: Int32Array, length: number): Int32Array {
  const start = (tokens.length - length) >> 1;
  return tokens.subarray(start, start + length);
}

function constructSlice(text: TokenText, spec: TextSpec, { first, count }: HeadRange): Slice {
  const { headDim: width, ngram } = spec;
  const { length } = text.tokens;
  const stack = spec.heads / spec.kvHeads;
  const q = new Float32Array(count * stack * length * width);
  const k = new Float32Array(count * length * width);
  const v = new Float32Array(count * length * width);
  const embeddings = tokenEmbeddings(text.vocabulary, width);
  // Heads are built for logits of q . k; attention multiplies by 1 / sqrt(D).
  const unscale = Math.sqrt(width);
  for (let g = 0; g < count; g++) {
    const head = constructHead(first + g, { text, headDim: width, ngram });
    for (let position = 0; position < length; position++) {
      const at = (g * length + position) * width;
      head.key(position, k, at);
      const row = text.tokens[position]! * width;
      for (let e = 0; e < width; e++) v[at + e] = embeddings[row + e]!;
    }
    for (let rank = 0; rank < stack; rank++) {
      const start = (g * stack + rank) * length * width;
      for (let position = 0; position < length; position++) head.query(position, rank, q, start + position * width);
      for (let i = start; i < start + length * width; i++) q[i]! *= unscale;
    }
  }
  return {
    q: tensor(q, { shape: [1, count * stack, length, width] }),
    k: tensor(k, { shape: [1, count, length, width] }),
    v: tensor(v, { shape: [1, count, length, width] }),
  };
}

function scoreRetrieval(
  text: TokenText,
  spec: TextSpec,
  { first, count }: HeadRange,
  out: Tensor,
  causal: boolean,
): Retrieval {
  const { tokens, vocabulary } = text;
  const { length } = tokens;
  const positions = scoredPositions(length);
  const truth = followersAt(tokens, ngramKeys(tokens, spec.ngram), positions, causal);
  const embeddings = tokenEmbeddings(vocabulary, spec.headDim);
  const numbers = floatsOf(out);
  const stack = spec.heads / spec.kvHeads;
  const sum = { scored: 0, correct: 0, farScored: 0, farCorrect: 0 };
  for (let head = 0; head < count * stack; head++) {
    if (jobOf(first + Math.floor(head / stack)) !== "induction") continue;
    for (const followers of truth) {
      const at = out.offset + head * out.strides.h + followers.position * out.strides.n;
      const correct = isMostFrequent(followers, nearestToken(embeddings, spec.headDim, numbers, at));
      const far = followers.distance > length / 8;
      sum.scored++;
      if (correct) sum.correct++;
      if (far) sum.farScored++;
      if (far && correct) sum.farCorrect++;
    }
  }
  return sum;
}

/** Evenly over the length: 1024 of them up to 131072 tokens, then fewer, 256 from 524288 on. */
function scoredPositions(length: number): number[] {
  const count = Math.min(length, MOST_SCORED, Math.max(LEAST_SCORED, Math.floor(SCORED_PAIRS / length)));
  return Array.from({ length: count }, (_, s) => Math.floor(((s + 0.5) * length) / count));
}
