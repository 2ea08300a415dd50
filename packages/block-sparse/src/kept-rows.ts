import type { Runtime, RuntimeBuffer, Tensor } from "@saccade/core";
import { breathe, floatsOf, type Kept, type Steps } from "@saccade/core/variants";
import type { IndexInputs } from "./index-top-k.ts";

/** The indexer's keys of a decoder, [B, 1, rows, width], in its runtime's memory. */
export class KeptRows implements Kept<IndexInputs, Tensor> {
  readonly #rows: Tensor;
  readonly #data: RuntimeBuffer;

  constructor(sizes: { readonly batch: number; readonly rows: number; readonly width: number }, runtime: Runtime) {
    const { batch, rows, width } = sizes;
    this.#data = runtime.allocate(batch * rows * width);
    const strides = { b: rows * width, h: rows * width, n: width };
    this.#rows = { data: this.#data, batch, heads: 1, length: rows, width, layout: "bhnd", offset: 0, strides };
  }

  *take({ indexKeys }: IndexInputs, start: number, end: number): Steps<void> {
    yield* breathe();
    const [from, to] = [floatsOf(indexKeys), this.#data.floats()];
    const { batch, strides, width } = this.#rows;
    for (let b = 0; b < batch; b++) {
      for (let n = start; n < end; n++) {
        const at = indexKeys.offset + b * indexKeys.strides.b + (n - start) * indexKeys.strides.n;
        to.set(from.subarray(at, at + width), b * strides.b + n * width);
      }
    }
  }

  summary(): Tensor {
    return this.#rows;
  }

  /** Rows are written again as their tokens come again. */
  truncate(): void {}

  free(): void {
    this.#data.free();
  }
}
