/** Uniform 32-bit integers from a seed and a row (mulberry32 on a mixed seed). */
function generator(seed: number, row: number): () => number {
  let state = Math.imul(seed ^ Math.imul(row + 1, 0x9e3779b1), 0x85ebca6b) >>> 0;
  state = (state ^ (state >>> 13)) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

/**
 * `count` different integers below `below`, ascending, or all of them where there are no more: Floyd's sampling with a generator of the row's
 * own, so that a row's draw depends on nothing but seed, row, count and `below`.
 */
export function draw(seed: number, row: number, count: number, below: number): number[] {
  if (count >= below) return Array.from({ length: Math.max(0, below) }, (_, i) => i);
  const next = generator(seed, row);
  const drawn = new Set<number>();
  for (let top = below - count; top < below; top++) {
    const candidate = Math.floor((next() / 2 ** 32) * (top + 1));
    drawn.add(drawn.has(candidate) ? top : candidate);
  }
  return [...drawn].sort((a, b) => a - b);
}
