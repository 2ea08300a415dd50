import { tensor, type Tensor } from "../tensor.ts";
import type { LinearState } from "./linear-state.ts";
import { tokenRows } from "./rows.ts";
import { copyRows } from "./token-log.ts";

/** Keys or values that a state keeps, [B, heads, tokens, width], oldest first. */
export function keptTokens(
  state: LinearState,
  part: "keys" | "values",
  shape: readonly [batch: number, heads: number, tokens: number, width: number],
): Tensor {
  return tensor(state.part(part), { shape });
}

/**
 * The first `count` tokens that are kept of a batch element and then tokens [from, to) of `fresh`, as [1, heads, count + to - from, width].
 */
export function joinedTokens(kept: Tensor, b: number, count: number, fresh: Tensor, from: number, to: number): Tensor {
  const { heads, width } = kept;
  const length = count + to - from;
  const all = tensor(new Float32Array(heads * length * width), { shape: [1, heads, length, width] });
  copyRows(tokenRows(kept, 0, count, b, b + 1), 0, all, 0, count);
  copyRows(tokenRows(fresh, from, to, b, b + 1), 0, all, count, to - from);
  return all;
}

/** The last of `all` tokens are what is kept of a batch element, as many as there is room for. */
export function keepLast(all: Tensor, kept: Tensor, b: number): void {
  const count = Math.min(all.length, kept.length);
  copyRows(all, all.length - count, tokenRows(kept, 0, count, b, b + 1), 0, count);
}
