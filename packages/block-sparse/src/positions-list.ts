import { checkWhole, shown } from "./checks.ts";

/**
 * Positions or distances, ascending, each once.
 *
 * @throws TypeError or RangeError naming the entry.
 */
export function ascending(what: string, values: ArrayLike<number>): Int32Array {
  if (typeof values?.length !== "number")
    throw new TypeError(`${what} is ${shown(values)}, expected a list of integers`);
  const checked = Array.from(values, (value, i) => checkWhole(`${what}[${i}]`, value, 0));
  return Int32Array.from(new Set(checked)).sort();
}

/** A table with 1 at every value and 0 beside them, also after the last: an index beyond the end means that. */
export function marks(values: Int32Array): Uint8Array {
  const table = new Uint8Array((values.at(-1) ?? -1) + 2);
  for (const value of values) table[value] = 1;
  return table;
}
