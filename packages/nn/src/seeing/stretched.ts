import type { AttentionInputs, Tensor } from "@saccade/core";
import { floatsOf } from "@saccade/core/variants";
import { firstPosition } from "./cut-call.ts";
import type { Reference } from "./reference.ts";

/** A call in which a reference is so many tokens long. */
export interface StretchedCall {
  readonly inputs: AttentionInputs;
  /** Index of its query. */
  readonly query: number;
}

/**
 * The call up to the query of a reference, with its key `distance` tokens before it: tokens between the two are left out, the first ones
 * first, or repeated. Queries and keys are taken as they are, so that this says something where positions come in with the attention
 * (`rotary`, `score`, a window), and not where queries and keys were turned before.
 *
 * @param alone only the query of the reference, instead of every token's.
 */
export function stretched(
  where: string,
  inputs: AttentionInputs,
  { query, key }: Reference,
  batch: number,
  distance: number,
  alone: boolean,
): StretchedCall {
  const { q, k, v, bias, mask } = inputs;
  if (bias !== undefined || mask !== undefined) {
    throw new TypeError(`${where}: upTo does not go with a bias or a mask, whose pairs have places of their own`);
  }
  const position = query + firstPosition(inputs, batch);
  const between = position - key - 1;
  if (between < 1) {
    throw new RangeError(`${where}: upTo needs tokens to repeat between key ${key} and query ${query}`);
  }
  if (position >= k.length) {
    throw new RangeError(`${where}: query ${query} stands at ${position}, expected one of the M = ${k.length} keys`);
  }
  // The filler ends as the text does, right before the query.
  const filler = Array.from({ length: distance - 1 }, (_, n) => {
    const back = (distance - 1 - n - 1) % between;
    return position - 1 - back;
  });
  const tokens = [...Array.from({ length: key + 1 }, (_, j) => j), ...filler, position];
  const offset = position - query;
  if (!alone && offset !== 0) {
    throw new RangeError(`${where}: upTo needs a query for every key where rows depend on other queries`);
  }
  const queries = alone ? [query] : tokens;
  return {
    inputs: {
      q: gathered(q, batch, queries),
      k: gathered(k, batch, tokens),
      v: gathered(v, batch, tokens),
    },
    query: queries.length - 1,
  };
}

/** Some tokens of a batch element, copied. */
function gathered(view: Tensor, b: number, tokens: readonly number[]): Tensor {
  const { heads, width, offset, strides } = view;
  const from = floatsOf(view);
  const data = new Float32Array(heads * tokens.length * width);
  for (let h = 0; h < heads; h++) {
    for (const [n, token] of tokens.entries()) {
      const at = offset + b * strides.b + h * strides.h + token * strides.n;
      data.set(from.subarray(at, at + width), (h * tokens.length + n) * width);
    }
  }
  const contiguous = { b: data.length, h: tokens.length * width, n: width };
  return { data, batch: 1, heads, length: tokens.length, width, layout: "bhnd", offset: 0, strides: contiguous };
}
