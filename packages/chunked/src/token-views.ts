import type { BiasTensor, MaskTensor, Tensor } from "@saccade/core";

/** Tokens [from, to) of a tensor. */
export function tokensOf(view: Tensor, from: number, to: number): Tensor {
  return { ...view, offset: view.offset + from * view.strides.n, length: to - from };
}

/** One batch element of a tensor. */
export function elementOf(view: Tensor, b: number): Tensor {
  return { ...view, offset: view.offset + b * view.strides.b, batch: 1 };
}

/** Rows [from, to) and the first `keys` columns of what is added to or masks pairs. */
export function pairsOf<T extends BiasTensor | MaskTensor>(term: T, from: number, to: number, keys: number): T {
  const [b, h, n] = term.shape;
  return { ...term, shape: [b, h, n === 1 ? 1 : to - from, keys], offset: term.offset + from * term.strides.n };
}

/** Copies the lse of some rows, [B, H, n], into that of all, [B, H, N], from row `from` on. */
export function placeLse(all: Float32Array, part: Float32Array, from: number, queries: number, count: number): void {
  for (let head = 0; head * count < part.length; head++) {
    all.set(part.subarray(head * count, (head + 1) * count), head * queries + from);
  }
}
