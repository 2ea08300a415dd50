import { tensor, type Tensor } from "@saccade/core";
import { copyRows, tokenRows, type LinearState } from "@saccade/core/variants";

/** Keys or values of the window of a state, [B, heads, W, width], oldest first. */
export function windowOf(
  state: LinearState,
  part: "keys" | "values",
  [batch, heads, window, width]: readonly [number, number, number, number],
): Tensor {
  return tensor(state.part(part), { shape: [batch, heads, window, width] });
}

/** The first `kept` tokens of a batch element's window and then tokens [from, to) of `fresh`, as [1, heads, kept + to - from, width]. */
export function joined(window: Tensor, b: number, kept: number, fresh: Tensor, from: number, to: number): Tensor {
  const { heads, width } = window;
  const length = kept + to - from;
  const all = tensor(new Float32Array(heads * length * width), { shape: [1, heads, length, width] });
  copyRows(tokenRows(window, 0, kept, b, b + 1), 0, all, 0, kept);
  copyRows(tokenRows(fresh, from, to, b, b + 1), 0, all, kept, to - from);
  return all;
}

/** The last tokens of `all` become a batch element's window. */
export function keepLast(all: Tensor, window: Tensor, b: number): void {
  const count = Math.min(all.length, window.length);
  copyRows(all, all.length - count, tokenRows(window, 0, count, b, b + 1), 0, count);
}
