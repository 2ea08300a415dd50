/**
 * The level at which query t finds token j <= t: 0 for itself, else one more than the highest bit in which t and j differ. The tokens
 * before t are cut by the bits of t, longest stretch first: t = 11 = 8 + 2 + 1 sees [0, 8) at level 4, [8, 10) at level 2 and [10, 11) at
 * level 1.
 */
export function levelOf(t: number, j: number): number {
  return 32 - Math.clz32(t ^ j);
}

/** Bits of the stretches that the tokens before t are cut into, shortest first. */
export function bitsOf(t: number): number[] {
  const bits: number[] = [];
  for (let bit = 0; 2 ** bit <= t; bit++) if (hasBit(t, bit)) bits.push(bit);
  return bits;
}

/** First token of the stretch of a bit of t. */
export function startOf(t: number, bit: number): number {
  return Math.floor(t / 2 ** (bit + 1)) * 2 ** (bit + 1);
}

export function hasBit(t: number, bit: number): boolean {
  return Math.floor(t / 2 ** bit) % 2 === 1;
}

/** The largest k with 2^k <= most such that t is a multiple of 2^k. */
export function alignedBit(t: number, most: number): number {
  let bit = 0;
  while (2 ** (bit + 1) <= most && t % 2 ** (bit + 1) === 0) bit++;
  return bit;
}
