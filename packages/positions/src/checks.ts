/** @throws RangeError when a number is not finite or below `least`. */
export function checkNumber(what: string, value: number, least: number): number {
  if (Number.isFinite(value) && value >= least) return value;
  const expected = least === Number.MIN_VALUE ? "a number above 0" : `a number of at least ${least}`;
  throw new RangeError(`${what} is ${String(value)}, expected ${expected}`);
}

/** @throws RangeError when a number is not an integer or below `least`. */
export function checkWhole(what: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(`${what} is ${String(value)}, expected an integer of at least ${least}`);
}
