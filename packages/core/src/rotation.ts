import { checkDistinct, checkTensor, overlap } from "./shape.ts";
import { describe, floatsOf, type Tensor } from "./tensor.ts";

/**
 * Which two numbers of a row turn together, of the first R: `"half"` is (x[i], x[i + R / 2]), as in Llama and GPT-NeoX;
 * `"interleaved"` is (x[2i], x[2i + 1]), as in GPT-J and the paper.
 */
export type RotationPairs = "half" | "interleaved";

/**
 * Rotary position embedding as numbers: by how much each pair turns at each position.
 *
 * ```text
 *   y0 = x0 cos[p, i] - x1 sin[p, i]
 *   y1 = x1 cos[p, i] + x0 sin[p, i]
 * ```
 *
 * for pair i of a row at position p; numbers from R on stay as they are. `rope()` of @saccade/positions makes these.
 */
export interface Rotation {
  /** [length, R / 2], contiguous; may be longer. */
  readonly cos: Float32Array;
  /** [length, R / 2] */
  readonly sin: Float32Array;
  /** Positions that the tables hold: 0 to length - 1. */
  readonly length: number;
  /** R, even, at most D. */
  readonly rotaryDim: number;
  readonly pairs: RotationPairs;
}

/**
 * Where tokens stand: [N] or [B, N] positions, or the position of token 0, after which the others follow.
 */
export type TokenPositions = Int32Array | number;

/** One rotation, checked: what a runtime runs. */
export interface RotationJob {
  /** [B, H, N, D] */
  readonly from: Tensor;
  /** [B, H, N, D]; the same view as `from`, or one that shares nothing with it. */
  readonly to: Tensor;
  readonly rotation: Rotation;
  /** Token n of batch element b stands at positions[b * positionStride + n]; without positions, at offset + n. */
  readonly positions: Int32Array | undefined;
  /** N, or 0 where all batch elements share their positions. */
  readonly positionStride: number;
  readonly offset: number;
}

/**
 * @throws TypeError for what is no tensor or no rotation, RangeError when sizes differ, when `to` shares memory with `from`
 * without being the same view, and for positions that the tables do not hold.
 */
export function checkRotation(
  where: string,
  from: Tensor,
  to: Tensor,
  rotation: Rotation,
  positions: TokenPositions,
): RotationJob {
  checkTensor(where, "x", from);
  checkTensor(where, "out", to);
  const { batch, heads, length, width } = from;
  if (to.batch !== batch || to.heads !== heads || to.length !== length || to.width !== width) {
    throw new RangeError(
      `${where}: out is [B, H, N, D] = [${to.batch}, ${to.heads}, ${to.length}, ${to.width}], ` +
        `expected [${batch}, ${heads}, ${length}, ${width}]`,
    );
  }
  checkDistinct(where, to);
  if (overlap(from, to) && !sameView(from, to)) {
    throw new RangeError(`${where}: out overlaps x without being the same view`);
  }
  checkTables(where, rotation, width);
  if (typeof positions === "number") {
    checkOffset(where, positions, length, rotation.length);
    return { from, to, rotation, positions: undefined, positionStride: 0, offset: positions };
  }
  checkPositionList(where, positions, from, rotation.length);
  const positionStride = positions.length === length ? 0 : length;
  return { from, to, rotation, positions, positionStride, offset: 0 };
}

function checkTables(where: string, { cos, sin, length, rotaryDim, pairs }: Rotation, width: number): void {
  if (!(cos instanceof Float32Array) || !(sin instanceof Float32Array)) {
    throw new TypeError(`${where}: cos is ${describe(cos)}, sin is ${describe(sin)}, expected two Float32Arrays`);
  }
  if (pairs !== "half" && pairs !== "interleaved") {
    throw new TypeError(`${where}: pairs is ${describe(pairs)}, expected "half" or "interleaved"`);
  }
  if (!Number.isInteger(rotaryDim) || rotaryDim < 2 || rotaryDim % 2 !== 0 || rotaryDim > width) {
    throw new RangeError(`${where}: rotaryDim is ${describe(rotaryDim)}, expected an even number in 2..D = ${width}`);
  }
  if (!Number.isInteger(length) || length < 0) {
    throw new RangeError(`${where}: the rotation has ${describe(length)} positions, expected a whole number`);
  }
  const needed = (length * rotaryDim) / 2;
  if (cos.length < needed || sin.length < needed) {
    throw new RangeError(
      `${where}: ${length} positions of ${rotaryDim / 2} pairs need ${needed} numbers, ` +
        `cos has ${cos.length}, sin has ${sin.length}`,
    );
  }
}

function checkOffset(where: string, offset: number, tokens: number, rows: number): void {
  if (!Number.isInteger(offset) || offset < 0) {
    throw new RangeError(`${where}: offset is ${describe(offset)}, expected an integer of at least 0`);
  }
  if (offset + tokens > rows) {
    throw new RangeError(`${where}: position ${offset + tokens - 1} is beyond the ${rows} positions of the rotation`);
  }
}

function checkPositionList(where: string, positions: Int32Array, { batch, length }: Tensor, rows: number): void {
  if (!(positions instanceof Int32Array)) {
    throw new TypeError(`${where}: positions is ${describe(positions)}, expected an Int32Array or a number`);
  }
  if (positions.length !== length && positions.length !== batch * length) {
    throw new RangeError(
      `${where}: positions has ${positions.length} elements, expected N = ${length} or B N = ${batch * length}`,
    );
  }
  for (let i = 0; i < positions.length; i++) {
    const position = positions[i]!;
    if (position >= 0 && position < rows) continue;
    throw new RangeError(`${where}: positions[${i}] is ${position}, the rotation has positions 0..${rows - 1}`);
  }
}

function sameView(a: Tensor, b: Tensor): boolean {
  const same = (size: number, axis: "b" | "h" | "n"): boolean => size < 2 || a.strides[axis] === b.strides[axis];
  const [x, y] = [floatsOf(a), floatsOf(b)];
  const sameStart = x.buffer === y.buffer && x.byteOffset + 4 * a.offset === y.byteOffset + 4 * b.offset;
  return sameStart && same(a.batch, "b") && same(a.heads, "h") && same(a.length, "n");
}
