const Z = 1.959_963_984_540_054;

/**
 * Wilson's 95% interval of a rate (Wilson 1927): (p + z²/2n ± z sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n). Unlike the normal one it stays
 * within 0 and 1, and has a width where all or none were right.
 */
export function wilson(right: number, of: number): [number, number] | undefined {
  if (!(of > 0)) return undefined;
  const [p, square] = [right / of, Z * Z];
  const middle = p + square / (2 * of);
  const half = Z * Math.sqrt((p * (1 - p)) / of + square / (4 * of * of));
  return [Math.max(0, (middle - half) / (1 + square / of)), Math.min(1, (middle + half) / (1 + square / of))];
}
