import type { RuntimeBuffer } from "./runtime/runtime.ts";

/** Order of the axes: [batch, heads, length, width] or [batch, length, heads, width]. */
export type Layout = "bhnd" | "bnhd";

/** Elements from one index to the next along the batch, head and length axes; the width axis is contiguous. */
export interface Strides {
  readonly b: number;
  readonly h: number;
  readonly n: number;
}

/** A view of f32 numbers as [batch, heads, length, width] (or with length before heads). It owns nothing and copies nothing. */
export interface Tensor {
  readonly data: Float32Array | RuntimeBuffer;
  readonly batch: number;
  readonly heads: number;
  /** Tokens: N of queries, M of keys and values. */
  readonly length: number;
  /** Numbers per token and head: D of queries and keys, E of values. */
  readonly width: number;
  readonly layout: Layout;
  /** Index of the first element in `data`. */
  readonly offset: number;
  readonly strides: Strides;
}

/** Added to scores, [B or 1, H or 1, N or 1, M]; an axis of size 1 has stride 0. */
export interface BiasTensor {
  readonly data: Float32Array;
  readonly shape: readonly [number, number, number, number];
  readonly offset: number;
  readonly strides: Strides;
}

/** Which pairs are visible, [B or 1, H or 1, N or 1, M]: 0 hides, anything else shows. An axis of size 1 has stride 0. */
export interface MaskTensor {
  readonly data: Uint8Array;
  readonly shape: readonly [number, number, number, number];
  readonly offset: number;
  readonly strides: Strides;
}

/** How numbers lie in an array. */
export interface TensorOptions {
  /** Sizes in the order of the layout's letters: [B, H, N, D] for "bhnd", [B, N, H, D] for "bnhd". */
  readonly shape: readonly [number, number, number, number];
  /** Default "bhnd". */
  readonly layout?: Layout | undefined;
  /** Index of the first element. Default 0. */
  readonly offset?: number | undefined;
  /** Default: contiguous in the layout's order. */
  readonly strides?: Strides | undefined;
}

/**
 * A view of `data` as a tensor.
 *
 * @throws TypeError when `data` is not f32, RangeError when the shape does not fit into it.
 * @example tensor(new Float32Array(2 * 8 * 128 * 64), { shape: [2, 8, 128, 64] })
 */
export function tensor(data: Float32Array | RuntimeBuffer, options: TensorOptions): Tensor {
  if (!(data instanceof Float32Array) && !isRuntimeBuffer(data)) {
    throw new TypeError(`tensor: expected a Float32Array or a RuntimeBuffer, got ${describe(data)}`);
  }
  const layout = options.layout ?? "bhnd";
  if (layout !== "bhnd" && layout !== "bnhd") {
    throw new TypeError(`tensor: layout is ${describe(layout)}, expected "bhnd" or "bnhd"`);
  }
  const shape = checkedShape("tensor", options.shape);
  const batch = shape[0];
  const heads = layout === "bhnd" ? shape[1] : shape[2];
  const length = layout === "bhnd" ? shape[2] : shape[1];
  const width = shape[3];
  const offset = checkedSize("tensor", "offset", options.offset ?? 0);
  const strides = options.strides ?? contiguous(layout, heads, length, width);
  for (const axis of ["b", "h", "n"] as const) checkedSize("tensor", `strides.${axis}`, strides[axis]);
  const view: Tensor = { data, batch, heads, length, width, layout, offset, strides };
  checkExtent("tensor", "the view", view);
  return view;
}

/**
 * A bias that is added to the scores after scale and softcap. -Infinity hides a pair.
 *
 * @param options.shape [B or 1, H or 1, N or 1, M], contiguous; axes of size 1 are broadcast.
 * @throws TypeError when `data` is not a Float32Array, RangeError when the sizes differ.
 */
export function biasTensor(
  data: Float32Array,
  options: { readonly shape: readonly [number, number, number, number] },
): BiasTensor {
  if (!(data instanceof Float32Array))
    throw new TypeError(`biasTensor: expected a Float32Array, got ${describe(data)}`);
  return { data, ...broadcastView("biasTensor", data.length, options.shape) };
}

/**
 * A mask of visible pairs: 0 hides, anything else shows.
 *
 * @param options.shape [B or 1, H or 1, N or 1, M], contiguous; axes of size 1 are broadcast.
 * @throws TypeError when `data` is not a Uint8Array, RangeError when the sizes differ.
 */
export function maskTensor(
  data: Uint8Array,
  options: { readonly shape: readonly [number, number, number, number] },
): MaskTensor {
  if (!(data instanceof Uint8Array)) throw new TypeError(`maskTensor: expected a Uint8Array, got ${describe(data)}`);
  return { data, ...broadcastView("maskTensor", data.length, options.shape) };
}

/** The current numbers behind a tensor. A runtime buffer's view may move when its memory grows: do not keep it. */
export function floatsOf(view: Tensor): Float32Array {
  return view.data instanceof Float32Array ? view.data : view.data.floats();
}

/** Whether the tensor's array still holds all that the view names; a transferred or shrunk buffer does not. */
export function checkExtent(where: string, what: string, view: Tensor): void {
  const { batch, heads, length, width, offset, strides, data } = view;
  if (batch === 0 || heads === 0 || length === 0 || width === 0) return;
  const end = offset + (batch - 1) * strides.b + (heads - 1) * strides.h + (length - 1) * strides.n + width;
  if (end <= data.length) return;
  if (data.length === 0 && data instanceof Float32Array && data.buffer.byteLength === 0) {
    throw new RangeError(`${where}: ${what} needs ${end} floats, but its array is empty or its buffer was transferred`);
  }
  throw new RangeError(`${where}: ${what} needs ${end} floats, its array has ${data.length}`);
}

/** Strides of a tensor without gaps. */
export function contiguous(layout: Layout, heads: number, length: number, width: number): Strides {
  return layout === "bhnd"
    ? { b: heads * length * width, h: length * width, n: width }
    : { b: heads * length * width, h: width, n: heads * width };
}

function broadcastView(
  where: string,
  available: number,
  given: readonly [number, number, number, number],
): Pick<BiasTensor, "shape" | "offset" | "strides"> {
  const shape = checkedShape(where, given);
  const [b, h, n, m] = shape;
  const needed = b * h * n * m;
  if (needed !== available) {
    throw new RangeError(`${where}: shape [${shape.join(", ")}] has ${needed} elements, the array ${available}`);
  }
  return { shape, offset: 0, strides: { b: b === 1 ? 0 : h * n * m, h: h === 1 ? 0 : n * m, n: n === 1 ? 0 : m } };
}

function checkedShape(where: string, shape: readonly number[]): [number, number, number, number] {
  if (!Array.isArray(shape) || shape.length !== 4) {
    throw new TypeError(`${where}: shape is ${describe(shape)}, expected four sizes`);
  }
  const [a, b, c, d] = shape as [number, number, number, number];
  return [
    checkedSize(where, "shape[0]", a),
    checkedSize(where, "shape[1]", b),
    checkedSize(where, "shape[2]", c),
    checkedSize(where, "shape[3]", d),
  ];
}

function checkedSize(where: string, what: string, size: number): number {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new RangeError(`${where}: ${what} is ${describe(size)}, expected an integer of at least 0`);
  }
  return size;
}

function isRuntimeBuffer(data: unknown): data is RuntimeBuffer {
  return typeof data === "object" && data !== null && typeof (data as RuntimeBuffer).floats === "function";
}

/** A value as an error message shows it. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.join(", ")}]`;
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "null-prototype object"}`;
  return String(value);
}
