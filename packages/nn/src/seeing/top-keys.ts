import { mapRow, type AttentionMap } from "./attention-map.ts";

/** A key and what it counts. */
export interface TopKey<T = unknown> {
  /** j, by index. */
  readonly position: number;
  /** What stands there, where tokens were given. */
  readonly token: T | undefined;
  readonly weight: number;
}

/**
 * The n keys that count most in a row of a map, largest first; of equal weights the earlier key comes first. Keys without any weight are left
 * out.
 *
 * @param options.head by its number in the call. Default: the only one, or the mean.
 * @param options.tokens [M] texts or ids, to have them named.
 * @throws RangeError when the map has no such row.
 */
export function topKeys<T = string>(
  map: AttentionMap,
  query: number,
  n: number,
  options: { readonly head?: number | undefined; readonly tokens?: ArrayLike<T> | undefined } = {},
): TopKey<T>[] {
  if (!Number.isInteger(n) || n < 0) throw new RangeError(`topKeys: n is ${n}, expected an integer of at least 0`);
  const row = mapRow(map, query, options.head);
  const top: { position: number; weight: number }[] = [];
  for (let position = 0; position < row.length; position++) {
    const weight = row[position]!;
    if (weight === 0 || (top.length === n && !(weight > (top.at(-1)?.weight ?? Infinity)))) continue;
    let at = top.length;
    while (at > 0 && top[at - 1]!.weight < weight) at--;
    top.splice(at, 0, { position, weight });
    if (top.length > n) top.pop();
  }
  return top.map(({ position, weight }) => ({ position, token: options.tokens?.[position], weight }));
}
