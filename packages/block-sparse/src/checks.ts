/** Lengths and positions stay below this, so that sums of them fit into the kernels' 32-bit integers. */
const MOST: number = 2 ** 30;

/** @throws RangeError when a number is not an integer in least..2^30. */
export function checkWhole(what: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= MOST) return value;
  throw new RangeError(`${what} is ${shown(value)}, expected an integer in ${least}..2^30`);
}

/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "null-prototype object"}`;
  return String(value);
}
