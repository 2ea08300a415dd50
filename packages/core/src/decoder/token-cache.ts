import type { AttentionJob, Runtime, RuntimeBuffer } from "../runtime/runtime.ts";
import { STORED_BYTES, storedView, storeRows, type StoredType } from "../stored.ts";
import { widenedRows } from "../widened-rows.ts";
import { floatsOf, type Tensor } from "../tensor.ts";

export interface CacheSizes {
  readonly batch: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly valueDim: number;
  /** Tokens that lie in the cache at a time. */
  readonly rows: number;
  readonly dtype: StoredType;
}

/** Bytes of keys, values and the factors of int8 rows. */
export function bytesOfCache({ batch, kvHeads, headDim, valueDim, rows, dtype }: CacheSizes): number {
  const scales = dtype === "i8" ? 8 : 0;
  return batch * kvHeads * rows * ((headDim + valueDim) * STORED_BYTES[dtype] + scales);
}

/** Keys and values in a runtime's memory, [B, G, rows, D] and [B, G, rows, E], filled in place. */
export class TokenCache {
  readonly #sizes: CacheSizes;
  readonly #keys: RuntimeBuffer;
  readonly #values: RuntimeBuffer;
  readonly #keyScales: RuntimeBuffer | undefined;
  readonly #valueScales: RuntimeBuffer | undefined;

  /** @throws RangeError when the runtime has no room for it. */
  constructor(where: string, runtime: Runtime, sizes: CacheSizes) {
    const { batch, kvHeads, headDim, valueDim, rows, dtype } = sizes;
    const tokens = batch * kvHeads * rows;
    const taken: RuntimeBuffer[] = [];
    const take = (bytes: number): RuntimeBuffer => {
      const buffer = runtime.allocate(Math.ceil(bytes / 4));
      taken.push(buffer);
      return buffer;
    };
    this.#sizes = sizes;
    try {
      this.#keys = take(tokens * headDim * STORED_BYTES[dtype]);
      this.#values = take(tokens * valueDim * STORED_BYTES[dtype]);
      this.#keyScales = dtype === "i8" ? take(4 * tokens) : undefined;
      this.#valueScales = dtype === "i8" ? take(4 * tokens) : undefined;
    } catch (error) {
      for (const buffer of taken) buffer.free();
      if (!(error instanceof RangeError)) throw error;
      const megabytes = Math.ceil(bytesOfCache(sizes) / 2 ** 20);
      throw new RangeError(`${where}: ${runtime.name} has no room for a cache of ${megabytes} MB`, { cause: error });
    }
  }

  /** Rows 0 .. length - 1 as the tensors of a job. */
  tensors(length: number): Pick<AttentionJob, "k" | "v" | "stored"> {
    const { headDim, valueDim, dtype } = this.#sizes;
    const k = this.#view(this.#keys, headDim, length);
    const v = this.#view(this.#values, valueDim, length);
    if (dtype === "f32") return { k, v };
    const stored = {
      k: { type: dtype, scales: this.#keyScales },
      v: { type: dtype, scales: this.#valueScales },
    };
    return { k, v, stored };
  }

  /** f32 keys of some rows, to be written in place; undefined where keys are stored otherwise. */
  keys(row: number, length: number): Tensor | undefined {
    if (this.#sizes.dtype !== "f32") return undefined;
    const view = this.#view(this.#keys, this.#sizes.headDim, length);
    return { ...view, offset: row * this.#sizes.headDim };
  }

  /** Keys of some rows as f32: in place, or copies of keys that are stored otherwise. */
  wideKeys(row: number, length: number): Tensor {
    const { k, stored } = this.tensors(this.#sizes.rows);
    const view = { ...k, offset: row * k.width, length };
    return stored === undefined ? view : widenedRows(view, stored.k);
  }

  /** Values of some rows, likewise. */
  wideValues(row: number, length: number): Tensor {
    const { v, stored } = this.tensors(this.#sizes.rows);
    const view = { ...v, offset: row * v.width, length };
    return stored === undefined ? view : widenedRows(view, stored.v);
  }

  /** Writes tokens first .. first + count - 1 of k (unless it is undefined) and v into rows from `row` on. */
  write(k: Tensor | undefined, v: Tensor, first: number, count: number, row: number): void {
    if (k !== undefined) this.#store(k, first, count, this.#keys, this.#keyScales, row);
    this.#store(v, first, count, this.#values, this.#valueScales, row);
  }

  free(): void {
    for (const buffer of [this.#keys, this.#values, this.#keyScales, this.#valueScales]) buffer?.free();
  }

  #view(data: RuntimeBuffer, width: number, length: number): Tensor {
    const { batch, kvHeads, rows } = this.#sizes;
    const strides = { b: kvHeads * rows * width, h: rows * width, n: width };
    return { data, batch, heads: kvHeads, length, width, layout: "bhnd", offset: 0, strides };
  }

  #store(
    from: Tensor,
    first: number,
    count: number,
    to: RuntimeBuffer,
    scales: RuntimeBuffer | undefined,
    row: number,
  ): void {
    const { rows, dtype } = this.#sizes;
    const { batch, heads, width, strides } = from;
    const source = floatsOf(from);
    const target = storedView(dtype, to.floats());
    const factors = scales?.floats();
    // A head's tokens are adjacent in the cache; in `from` each stands alone, or all are adjacent.
    const run = strides.n === width ? count : 1;
    for (let b = 0; b < batch; b++) {
      for (let h = 0; h < heads; h++) {
        const start = from.offset + b * strides.b + h * strides.h + first * strides.n;
        const place = (b * heads + h) * rows + row;
        for (let i = 0; i < count; i += run) {
          storeRows(dtype, source, start + i * strides.n, target, (place + i) * width, {
            count: run,
            width,
            scales: factors,
            scaleAt: place + i,
          });
        }
      }
    }
  }
}
