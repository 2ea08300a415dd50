import { floatsOf, type Tensor } from "../tensor.ts";

/** Numbers as [batch, heads, tokens, width]: a tensor, or the same in float64, where a definition is computed. */
export type Rows = Omit<Tensor, "data"> & { readonly data: Tensor["data"] | Float64Array };

/** The numbers behind rows. */
export function numbersOf({ data }: Rows): Float32Array | Float64Array {
  return data instanceof Float32Array || data instanceof Float64Array ? data : data.floats();
}

/** Index of a row's first number. */
export function rowAt({ offset, strides }: Rows, b: number, h: number, n: number): number {
  return offset + b * strides.b + h * strides.h + n * strides.n;
}

/** Contiguous rows [batch, heads, tokens, width] over an array. */
export function contiguousRows<A extends Float32Array | Float64Array>(
  data: A,
  [batch, heads, length, width]: readonly [number, number, number, number],
): Rows & { readonly data: A } {
  const strides = { b: heads * length * width, h: length * width, n: width };
  return { data, batch, heads, length, width, layout: "bhnd", offset: 0, strides };
}

/** Tokens [from, to) of batch elements [b, bEnd). */
export function tokenRows<R extends Rows>(view: R, from: number, to: number, b = 0, bEnd: number = view.batch): R {
  const offset = view.offset + b * view.strides.b + from * view.strides.n;
  return { ...view, offset, batch: bEnd - b, length: to - from };
}

/** Sets tokens `from` and later of a batch element to 0. */
export function clearRows(out: Tensor, b: number, from: number): void {
  const floats = floatsOf(out);
  for (let h = 0; h < out.heads; h++) {
    for (let n = from; n < out.length; n++) floats.fill(0, rowAt(out, b, h, n), rowAt(out, b, h, n) + out.width);
  }
}

/** The same row everywhere, without memory for it. */
export function repeatedRow(row: Float32Array, batch: number, heads: number, length: number): Tensor {
  return {
    data: row,
    batch,
    heads,
    length,
    width: row.length,
    layout: "bhnd",
    offset: 0,
    strides: { b: 0, h: 0, n: 0 },
  };
}
