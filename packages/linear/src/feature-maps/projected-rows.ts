import type { Tensor } from "@saccade/core";
import { contiguousRows, mapRows, scores, type Rows, type Scratch, type Steps } from "@saccade/core/variants";

/** The rows of a matrix for each head, or of one for all. */
export interface Projection {
  /** [heads, F, D] */
  readonly weights: Float32Array;
  /** 1, or those of the tokens. */
  readonly heads: number;
  /** F */
  readonly features: number;
}

/**
 * factor W x for every token: [B, heads, N, F]. On a runtime, where they are the scores of tokens against the rows of W; in float64 by
 * loops.
 */
export function* projectedRows(
  x: Tensor,
  { weights, heads, features }: Projection,
  factor: number,
  scratch: Scratch,
  name: string,
): Steps<Rows> {
  const { width } = x;
  if (!scratch.exact) {
    const strides = { b: 0, h: features * width, n: width };
    const k: Tensor = { ...x, data: weights, heads, length: features, offset: 0, strides };
    return contiguousRows(yield* scores({ q: x, k, scale: factor }), [x.batch, x.heads, x.length, features]);
  }
  return yield* mapRows(x, features, scratch, name, ({ source, h, at, target, to }) => {
    const head = heads === 1 ? 0 : h * features * width;
    for (let f = 0; f < features; f++) {
      let sum = 0;
      for (let d = 0; d < width; d++) sum += weights[head + f * width + d]! * source[at + d]!;
      target[to + f] = factor * sum;
    }
  });
}
