import { tensor, type Tensor } from "@saccade/core";

/** Tokens of a batch as vectors: [B, N, width], f32, contiguous. */
export interface Sequence {
  readonly data: Float32Array;
  /** B */
  readonly batch: number;
  /** N */
  readonly length: number;
  /** Numbers of a token. */
  readonly width: number;
}

/**
 * A view of `data` as tokens.
 *
 * @param shape [B, N, width], or [N, width] for one batch element.
 * @throws RangeError when the shape does not fit.
 */
export function sequence(data: Float32Array, shape: readonly number[]): Sequence {
  const [width, length, batch = 1, ...more] = shape.toReversed();
  const whole = shape.every((size) => Number.isSafeInteger(size) && size >= 0);
  if (width === undefined || length === undefined || more.length > 0 || !whole) {
    throw new RangeError(`sequence: shape is [${shape.join(", ")}], expected [B, N, width] or [N, width]`);
  }
  if (data.length !== batch * length * width) {
    throw new RangeError(
      `sequence: shape [${shape.join(", ")}] takes ${batch * length * width} numbers, there are ${data.length}`,
    );
  }
  return { data, batch, length, width };
}

/** Tokens whose numbers are those of heads, one after the other: [B, N, heads, width / heads]. */
export function headsOf({ data, batch, length, width }: Sequence, heads: number): Tensor {
  return tensor(data, { shape: [batch, length, heads, width / heads], layout: "bnhd" });
}

export function checkSequence(where: string, what: string, tokens: Sequence, width: number): void {
  if (tokens.width !== width) throw new RangeError(`${where}: ${what} has width ${tokens.width}, expected ${width}`);
  if (tokens.data.length !== tokens.batch * tokens.length * width) {
    throw new RangeError(
      `${where}: ${what} has ${tokens.data.length} numbers, expected [${tokens.batch}, ${tokens.length}, ${width}]`,
    );
  }
}
