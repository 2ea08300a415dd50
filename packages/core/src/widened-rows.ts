import type { StoredRows } from "./runtime/runtime.ts";
import { bf16Value, f16Value, storedView } from "./stored.ts";
import { contiguous, floatsOf, type Tensor } from "./tensor.ts";

/** Stored keys or values of a view as f32, in an array of their own. */
export function widenedRows(rows: Tensor, { type, scales }: StoredRows): Tensor {
  const { batch, heads, length, width, offset, strides } = rows;
  const numbers = storedView(type, floatsOf(rows));
  const factors = scales?.floats();
  const data = new Float32Array(batch * heads * length * width);
  let to = 0;
  for (let b = 0; b < batch; b++) {
    for (let h = 0; h < heads; h++) {
      for (let n = 0; n < length; n++) {
        const from = offset + b * strides.b + h * strides.h + n * strides.n;
        const factor = factors?.[from / width] ?? 1;
        for (let i = from; i < from + width; i++) {
          const number = numbers[i]!;
          data[to++] = type === "f16" ? f16Value(number) : type === "bf16" ? bf16Value(number) : number * factor;
        }
      }
    }
  }
  return { ...rows, data, offset: 0, layout: "bhnd", strides: contiguous("bhnd", heads, length, width) };
}
