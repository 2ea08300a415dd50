import { breathe, type Steps } from "../selected/steps.ts";
import type { Tensor } from "../tensor.ts";
import { contiguousRows, numbersOf, rowAt, type Rows } from "./rows.ts";
import type { Scratch } from "./scratch.ts";

/** A row of the source, from `at` on, and where to write what becomes of it. */
export interface MappedRow {
  readonly source: Float32Array | Float64Array;
  readonly target: Float32Array | Float64Array;
  b: number;
  h: number;
  n: number;
  /** Index of the row's first number in `source`. */
  at: number;
  /** Index of the new row's first number in `target`. */
  to: number;
}

/** Numbers written between two turns for the event loop: well under a millisecond's. */
const SLICE = 50_000;

/** Rows of another width, made one by one; contiguous [batch, heads, tokens, width]. `row` is the same object every time. */
export function* mapRows(
  view: Rows,
  width: number,
  scratch: Scratch,
  name: string,
  write: (row: MappedRow) => void,
  heads: number = view.heads,
): Steps<Rows> {
  const { batch, length } = view;
  const target = scratch.take(name, batch * heads * length * width);
  const row: MappedRow = { source: numbersOf(view), target, b: 0, h: 0, n: 0, at: 0, to: 0 };
  const group = heads / Math.max(1, view.heads);
  let written = 0;
  for (row.b = 0; row.b < batch; row.b++) {
    for (row.h = 0; row.h < heads; row.h++) {
      for (row.n = 0; row.n < length; row.n++) {
        row.at = rowAt(view, row.b, Math.floor(row.h / group), row.n);
        write(row);
        row.to += width;
        written += width + view.width;
        if (written < SLICE) continue;
        yield* breathe();
        written = 0;
      }
    }
  }
  return contiguousRows(target, [batch, heads, length, width]);
}

/** Rows that a runtime can read: float32 ones. */
export function asTensor(rows: Rows): Tensor {
  if (rows.data instanceof Float64Array) throw new TypeError("asTensor: expected f32 rows, got float64 ones");
  return rows as Tensor;
}
