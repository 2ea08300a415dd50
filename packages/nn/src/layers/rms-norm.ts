/**
 * Root mean square normalisation (Zhang and Sennrich 2019) of every row of `weight.length` numbers: y = w x / sqrt(mean(x^2) + epsilon).
 * Sums are float64.
 *
 * @param to where results go; may be `x`.
 */
export function rmsNorm(x: Float32Array, weight: Float32Array, epsilon: number, to: Float32Array): void {
  const width = weight.length;
  for (let row = 0; row < x.length; row += width) {
    let sum = 0;
    for (let i = row; i < row + width; i++) sum += x[i]! * x[i]!;
    const factor = 1 / Math.sqrt(sum / width + epsilon);
    for (let i = 0; i < width; i++) to[row + i] = x[row + i]! * factor * weight[i]!;
  }
}
