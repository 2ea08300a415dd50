import type { RotationJob } from "../rotation.ts";
import { floatsOf } from "../tensor.ts";

/** The definition of a rotation: in float64 from tables of f32, rounded once. */
export function rotateReference({ from, to, rotation, positions, positionStride, offset }: RotationJob): void {
  const { batch, heads, length, width } = from;
  const { cos, sin, rotaryDim, pairs } = rotation;
  const [source, target] = [floatsOf(from), floatsOf(to)];
  const half = rotaryDim / 2;
  const [step, second] = pairs === "half" ? [1, half] : [2, 1];
  for (let row = 0; row < batch * heads * length; row++) {
    const n = row % length;
    const h = Math.floor(row / length) % heads;
    const b = Math.floor(row / length / heads);
    const position = positions === undefined ? offset + n : positions[b * positionStride + n]!;
    const fromAt = from.offset + b * from.strides.b + h * from.strides.h + n * from.strides.n;
    const toAt = to.offset + b * to.strides.b + h * to.strides.h + n * to.strides.n;
    for (let i = 0; i < half; i++) {
      const [x0, x1] = [source[fromAt + step * i]!, source[fromAt + step * i + second]!];
      const [c, s] = [cos[position * half + i]!, sin[position * half + i]!];
      target[toAt + step * i] = x0 * c - x1 * s;
      target[toAt + step * i + second] = x1 * c + x0 * s;
    }
    for (let d = rotaryDim; d < width; d++) target[toAt + d] = source[fromAt + d]!;
  }
}
