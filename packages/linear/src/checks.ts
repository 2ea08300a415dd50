/** A value as an error message shows it. */
export function shown(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "object" && value !== null) return `a ${value.constructor?.name ?? "null-prototype object"}`;
  return String(value);
}

/** @throws RangeError when a number is not an integer in least..2^30. */
export function checkWhole(what: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= 2 ** 30) return value;
  throw new RangeError(`${what} is ${shown(value)}, expected an integer in ${least}..2^30`);
}

/** What a variant multiplies outputs by: its own factor, or what a caller chose. */
export function scaleOf(
  where: string,
  given: number | undefined,
  own: (headDim: number) => number,
): (headDim: number) => number {
  if (given === undefined) return own;
  if (!Number.isFinite(given)) throw new RangeError(`${where}: scale is ${shown(given)}, expected a finite number`);
  return () => given;
}

/** The scale of most variants. */
export function perRootOfWidth(headDim: number): number {
  return 1 / Math.sqrt(headDim);
}

/** A number for every value head, or as many as there are from a rule. */
export function checkHeadNumbers(
  where: string,
  what: string,
  given: ArrayLike<number> | undefined,
  expected: string,
  holds: (x: number) => boolean,
): Float64Array | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== "object" || typeof given.length !== "number") {
    throw new TypeError(`${where}: ${what} is ${shown(given)}, expected a number for every value head`);
  }
  const numbers = Float64Array.from(given);
  const index = numbers.findIndex((x) => !holds(x));
  if (index === -1) return numbers;
  throw new RangeError(`${where}: ${what}[${index}] is ${numbers[index]}, expected ${expected}`);
}

/** @throws RangeError when an option is for another number of value heads. */
export function checkHeadCount(where: string, what: string, count: number, valueHeads: number): void {
  if (count === valueHeads) return;
  throw new RangeError(`${where}: ${what} has ${count} numbers, v has V = ${valueHeads} heads`);
}
