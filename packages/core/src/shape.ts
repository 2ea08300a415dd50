import { checkExtent, describe, floatsOf, type BiasTensor, type MaskTensor, type Tensor } from "./tensor.ts";

/** Sizes of one attention call. */
export interface AttentionShape {
  /** B */
  readonly batch: number;
  /** H, query heads */
  readonly heads: number;
  /** G, key and value heads; divides H */
  readonly kvHeads: number;
  /** N */
  readonly queries: number;
  /** M */
  readonly keys: number;
  /** D, width of queries and keys */
  readonly headDim: number;
  /** E, width of values */
  readonly valueDim: number;
}

/** Positions and lengths stay below this, so that their sums fit into the kernels' 32-bit integers. */
export const MAX_LENGTH: number = 2 ** 30;

/** Where each batch element's queries stand and how many keys it has: what `queryOffset` and `keyLengths` say, with defaults filled in. */
export interface Positions {
  /** [B] */
  readonly queryOffset: Int32Array;
  /** [B] */
  readonly keyLength: Int32Array;
}

/** The sizes of a call, after checking that its tensors fit together and that their arrays hold them. */
export function checkTensors(where: string, q: Tensor, k: Tensor, v: Tensor): AttentionShape {
  checkTensor(where, "q", q);
  checkTensor(where, "k", k);
  checkTensor(where, "v", v);
  if (k.batch !== q.batch) throw new RangeError(`${where}: k has B = ${k.batch}, q has B = ${q.batch}`);
  if (v.batch !== q.batch) throw new RangeError(`${where}: v has B = ${v.batch}, q has B = ${q.batch}`);
  checkHeads(where, "k", q.heads, k.heads);
  if (v.heads !== k.heads) throw new RangeError(`${where}: v has G = ${v.heads} heads, k has G = ${k.heads}`);
  if (k.width !== q.width) throw new RangeError(`${where}: k has D = ${k.width}, q has D = ${q.width}`);
  if (v.length !== k.length) throw new RangeError(`${where}: v has M = ${v.length} keys, k has M = ${k.length}`);
  checkWidth(where, "q", "D", q.width);
  checkWidth(where, "v", "E", v.width);
  checkLength(where, "q", "N", q.length);
  checkLength(where, "k", "M", k.length);
  return {
    batch: q.batch,
    heads: q.heads,
    kvHeads: k.heads,
    queries: q.length,
    keys: k.length,
    headDim: q.width,
    valueDim: v.width,
  };
}

/** `what` names who has the G heads: a tensor, or the function's own options. */
export function checkHeads(where: string, what: string, heads: number, kvHeads: number): void {
  if (heads === 0 || (kvHeads > 0 && heads % kvHeads === 0)) return;
  throw new RangeError(`${where}: ${what} has G = ${kvHeads} heads, which does not divide H = ${heads}`);
}

/** Without a width there are no scores, without a length there is nothing to do: only the first is an error. */
export function checkWidth(where: string, what: string, letter: string, width: number): void {
  if (width < 1) throw new RangeError(`${where}: ${what} has ${letter} = ${width}, expected at least 1`);
}

export function checkLength(where: string, what: string, letter: string, length: number): void {
  if (length > MAX_LENGTH) throw new RangeError(`${where}: ${what} has ${letter} = ${length}, expected at most 2^30`);
}

/** A size that a caller gives as a number. */
export function checkSize(where: string, what: string, size: number, least: number): number {
  if (!Number.isSafeInteger(size) || size < least || size > 2 ** 31 - 1) {
    throw new RangeError(`${where}: ${what} is ${describe(size)}, expected an integer of at least ${least}`);
  }
  return size;
}

/** Fills in the defaults: every key counts, and the last query stands at the last key. */
export function checkPositions(
  where: string,
  shape: Pick<AttentionShape, "batch" | "queries" | "keys">,
  queryOffset: number | ArrayLike<number> | undefined,
  keyLengths: ArrayLike<number> | undefined,
): Positions {
  const { batch, queries, keys } = shape;
  const keyLength = new Int32Array(batch);
  if (keyLengths === undefined) {
    keyLength.fill(keys);
  } else {
    checkList(where, "keyLengths", keyLengths, batch);
    for (let b = 0; b < batch; b++) {
      const length = keyLengths[b]!;
      if (!Number.isInteger(length) || length < 0 || length > keys) {
        throw new RangeError(`${where}: keyLengths[${b}] is ${describe(length)}, expected an integer in 0..${keys}`);
      }
      keyLength[b] = length;
    }
  }
  const offsets = new Int32Array(batch);
  if (queryOffset === undefined) {
    for (let b = 0; b < batch; b++) offsets[b] = keyLength[b]! - queries;
  } else if (typeof queryOffset === "number") {
    offsets.fill(checkOffset(where, "queryOffset", queryOffset));
  } else {
    checkList(where, "queryOffset", queryOffset, batch);
    for (let b = 0; b < batch; b++) offsets[b] = checkOffset(where, `queryOffset[${b}]`, queryOffset[b]!);
  }
  return { queryOffset: offsets, keyLength };
}

/** A bias or a mask against the call's [B, H, N, M]. */
export function checkPairTensor(
  where: string,
  what: "bias" | "mask",
  given: BiasTensor | MaskTensor | undefined,
  shape: AttentionShape,
): void {
  if (given === undefined) return;
  if (given?.shape === undefined || given.strides === undefined || given.data === undefined) {
    throw new TypeError(`${where}: ${what} is ${describe(given)}, expected a value made by ${what}Tensor()`);
  }
  const [b, h, n, m] = given.shape;
  const { batch, heads, queries, keys } = shape;
  const fits = (b === batch || b === 1) && (h === heads || h === 1) && (n === queries || n === 1) && m === keys;
  if (!fits) {
    throw new RangeError(
      `${where}: ${what} has shape [${given.shape.join(", ")}], ` +
        `expected [${batch} or 1, ${heads} or 1, ${queries} or 1, ${keys}]`,
    );
  }
  if (b * h * n * m > given.data.length) {
    throw new RangeError(`${where}: ${what} needs ${b * h * n * m} elements, its array has ${given.data.length}`);
  }
}

/** The tensor that a call writes into: right sizes, no element twice, nothing shared with what the call reads. */
export function checkOut(where: string, out: Tensor, shape: AttentionShape, inputs: readonly Tensor[]): void {
  checkTensor(where, "out", out);
  const { batch, heads, queries, valueDim } = shape;
  if (out.batch !== batch || out.heads !== heads || out.length !== queries || out.width !== valueDim) {
    throw new RangeError(
      `${where}: out is [B, H, N, E] = [${out.batch}, ${out.heads}, ${out.length}, ${out.width}], ` +
        `expected [${batch}, ${heads}, ${queries}, ${valueDim}]`,
    );
  }
  checkDistinct(where, out);
  for (const input of inputs) {
    if (overlap(out, input)) throw new RangeError(`${where}: out overlaps an input`);
  }
}

/** A tensor that is written to names no element twice. */
export function checkDistinct(where: string, { batch, heads, length, width, strides }: Tensor): void {
  if (batch === 0 || heads === 0 || length === 0) return;
  const axes: [size: number, stride: number][] = [
    [batch, strides.b],
    [heads, strides.h],
    [length, strides.n],
  ];
  let inner = width;
  for (const [size, stride] of axes.filter((axis) => axis[0] > 1).sort((x, y) => x[1] - y[1])) {
    if (stride < inner) throw new RangeError(`${where}: the strides of out name an element twice`);
    inner = (size - 1) * stride + inner;
  }
}

export function checkTensor(where: string, what: string, view: Tensor): void {
  if (view?.strides === undefined || view.data === undefined) {
    throw new TypeError(`${where}: ${what} is ${describe(view)}, expected a tensor`);
  }
  checkExtent(where, what, view);
}

function checkList(where: string, what: string, list: ArrayLike<number>, batch: number): void {
  if (list?.length === batch) return;
  throw new RangeError(`${where}: ${what} has ${list?.length ?? "no"} elements, expected B = ${batch}`);
}

function checkOffset(where: string, what: string, offset: number): number {
  if (!Number.isInteger(offset) || Math.abs(offset) > MAX_LENGTH) {
    throw new RangeError(`${where}: ${what} is ${describe(offset)}, expected an integer within +-2^30`);
  }
  return offset;
}

/** Whether two tensors may share memory: whether what they span does. */
export function overlap(a: Tensor, b: Tensor): boolean {
  const [x, y] = [floatsOf(a), floatsOf(b)];
  if (x.buffer !== y.buffer) return false;
  const [xLow, yLow] = [x.byteOffset + 4 * a.offset, y.byteOffset + 4 * b.offset];
  return xLow < yLow + 4 * extent(b) && yLow < xLow + 4 * extent(a);
}

function extent({ batch, heads, length, width, strides }: Tensor): number {
  if (batch === 0 || heads === 0 || length === 0) return 0;
  return (batch - 1) * strides.b + (heads - 1) * strides.h + (length - 1) * strides.n + width;
}
