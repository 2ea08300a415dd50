/**
 * m rows of D numbers whose directions are orthogonal in blocks of D, and whose lengths are those of normal vectors (mulberry32 from a
 * seed, Box and Muller, Gram and Schmidt), [m, D].
 */
export function orthogonalFeatures(count: number, width: number, seed: number): Float32Array {
  const normal = normalNumbers(seed);
  const rows = new Float32Array(count * width);
  let block: Float64Array[] = [];
  for (let row = 0; row < count; row++) {
    if (row % width === 0) block = [];
    const length = Math.hypot(...normal(width));
    const direction = orthogonalTo(block, normal(width));
    block.push(direction);
    for (let d = 0; d < width; d++) rows[row * width + d] = length * direction[d]!;
  }
  return rows;
}

/** What is left of a vector beside orthonormal ones, with length 1. Twice, since once loses digits. */
function orthogonalTo(others: readonly Float64Array[], vector: Float64Array): Float64Array {
  for (let pass = 0; pass < 2; pass++) {
    for (const other of others) {
      const shadow = vector.reduce((sum, x, d) => sum + x * other[d]!, 0);
      vector = vector.map((x, d) => x - shadow * other[d]!);
    }
  }
  const length = Math.hypot(...vector);
  return vector.map((x) => x / length);
}

function normalNumbers(seed: number): (count: number) => Float64Array {
  let state = seed >>> 0;
  const uniform = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return (count) =>
    Float64Array.from(
      { length: count },
      () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    );
}
