import { tensor } from "@saccade/core";
import type { Reference } from "@saccade/nn";
import { constructHead, JOBS } from "../heads/constructed.ts";
import type { ConstructedHead, HeadContext } from "../heads/head.ts";
import { tokenEmbeddings } from "../text/embedding.ts";
import type { InspectedText } from "./inspected-text.ts";
import { referenceHead } from "./reference-head.ts";
import { splitWords } from "./words.ts";

export interface ConstructedOptions {
  /** D */
  readonly headDim: number;
  /** Words that the induction head matches. */
  readonly ngram: number;
  /** What one more head is told to resolve. Default: there is no such head. */
  readonly reference?: Reference | undefined;
}

/** A text under the heads of the study, a word a token; words that differ in case only are the same. */
export function constructedText(text: string, { headDim, ngram, reference }: ConstructedOptions): InspectedText {
  const { words, gaps } = splitWords(text);
  const ids = new Map<string, number>();
  const tokens = Int32Array.from(words, (word) => {
    const lower = word.toLowerCase();
    if (!ids.has(lower)) ids.set(lower, ids.size);
    return ids.get(lower)!;
  });
  const context: HeadContext = { text: { kind: "words", tokens, vocabulary: ids.size }, headDim, ngram };
  const built = JOBS.map((job, g) => ({ name: job as string, head: constructHead(g, context) as Built }));
  if (reference !== undefined) built.push({ name: "reference", head: referenceHead(context, reference) });
  const size = tokens.length * headDim;
  const [q, k, v] = Array.from({ length: 3 }, () => new Float32Array(built.length * size)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const embeddings = tokenEmbeddings(ids.size, headDim);
  // Heads are built for logits of q . k; attention multiplies by 1 / sqrt(D).
  const unscale = Math.sqrt(headDim);
  for (const [h, { head }] of built.entries()) {
    for (let position = 0; position < tokens.length; position++) {
      const at = h * size + position * headDim;
      head.key(position, k, at);
      head.query(position, 0, q, at);
      const row = tokens[position]! * headDim;
      v.set(embeddings.subarray(row, row + headDim), at);
    }
  }
  for (let i = 0; i < q.length; i++) q[i]! *= unscale;
  const shape = [1, built.length, tokens.length, headDim] as const;
  return {
    description: `Constructed heads, induction over ${ngram} ${ngram === 1 ? "word" : "words"}, D = ${headDim}`,
    tokens: words,
    gaps,
    layer: {
      name: "constructed",
      heads: built.map(({ name }) => name),
      inputs: { q: tensor(q, { shape }), k: tensor(k, { shape }), v: tensor(v, { shape }) },
    },
  };
}

type Built = Pick<ConstructedHead, "key" | "query">;
