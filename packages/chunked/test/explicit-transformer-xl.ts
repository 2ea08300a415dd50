import type { AttentionInputs } from "@saccade/core";
import { explicitAttention, product } from "./explicit-attention.ts";

interface TransformerXl {
  readonly segment: number;
  readonly memory: number;
  /** r [H, segment + memory, D], u and v [H, D]. */
  readonly terms?: { readonly r: Float32Array; readonly u: Float32Array; readonly v: Float32Array } | undefined;
  readonly learnedSinks?: readonly number[] | undefined;
}

/** Scores as the four terms (a) to (d) of the paper, over a segment and the memory before it. */
export function explicitTransformerXl(
  call: AttentionInputs,
  { segment, memory, terms, learnedSinks }: TransformerXl,
): ReturnType<typeof explicitAttention> {
  const D = call.q.width;
  return explicitAttention(call, {
    learnedSinks,
    times: ({ p, j }) => {
      const begin = p - (((p % segment) + segment) % segment);
      return j <= p && j >= begin - memory ? 1 : 0;
    },
    scoreOf: ({ p, j, h, query, key }) => {
      if (terms === undefined) return product(query, key) / Math.sqrt(D);
      const at = (h * (segment + memory) + (p - j)) * D;
      const r = terms.r.subarray(at, at + D);
      const [u, v] = [terms.u, terms.v].map((bias) => bias.subarray(h * D, (h + 1) * D)) as [
        Float32Array,
        Float32Array,
      ];
      const [a, b] = [product(query, key), product(query, r)];
      const [c, d] = [product(u, key), product(v, r)];
      return (a + b + c + d) / Math.sqrt(D);
    },
  });
}
