import type { AttentionInputs } from "@saccade/core";
import type { Attending, MapInputs, SeeingOptions } from "./attending.ts";
import { weightRows } from "./weight-rows.ts";

export interface AttentionMapOptions extends SeeingOptions {
  /** Which queries of the call, by index 0..N - 1. */
  readonly queries: readonly number[];
  /** Which query heads. Default all. */
  readonly heads?: readonly number[] | undefined;
  /** One row a query, the mean over the heads. Default false: a row for every head. */
  readonly average?: boolean | undefined;
}

/** Weights of chosen queries over all keys of a batch element. */
export interface AttentionMap {
  /** By index. */
  readonly queries: readonly number[];
  /** Query heads. */
  readonly heads: readonly number[];
  /** Whether `weights` are the mean over `heads`. */
  readonly averaged: boolean;
  /** M */
  readonly keys: number;
  /** [heads, queries, M], or [queries, M] where averaged. */
  readonly weights: Float32Array;
}

/**
 * How much each key counts in the output of chosen queries: the weights w of out_i = sum_j w_ij v_j, within f32. Rows of softmax attention
 * sum to 1, and to less with learned sinks or joined gates; weights of linear attention sum to anything and may be negative.
 *
 * Never N x N at a time: memory beyond the weights asked for does not grow with the length where `attention` is one softmax over the keys
 * that a query sees (but for `rotary`, which turns copies of queries and keys, as `forward` does). Everything else is asked for its output
 * M / 256 times, with an identity for values: that needs M numbers more. Selections are those of the call as made: where they depend on
 * other queries, the whole call is.
 *
 * Weights say what was read, not why: see docs/seeing.md.
 *
 * @throws RangeError or TypeError (as a rejection) when a query or head is not there, or when the inputs do not fit the attention.
 * @example
 * const map = await attentionMap(attend, { q, k, v }, { queries: [1023] });
 * mapRow(map, 1023, 0); // [M], the weights of query 1023 in head 0
 */
export async function attentionMap<I extends MapInputs = AttentionInputs>(
  attention: Attending<I>,
  inputs: I,
  options: AttentionMapOptions,
): Promise<AttentionMap> {
  const where = "attentionMap";
  const { queries, average = false } = options;
  const heads = checkRows(where, inputs, options);
  const keys = inputs.k.length;
  const weights = new Float32Array((average ? 1 : heads.length) * queries.length * keys);
  if (average) {
    let row = 0;
    for await (const { weights: found } of weightRows(where, attention, inputs, { ...options, heads })) {
      const at = Math.floor(row++ / heads.length) * keys;
      for (let j = 0; j < keys; j++) weights[at + j]! += found[j]! / heads.length;
    }
  } else {
    let [n, row] = [0, 0];
    const place = (_query: number, head: number): Float32Array => {
      n = Math.floor(row++ / heads.length);
      const at = (heads.indexOf(head) * queries.length + n) * keys;
      return weights.subarray(at, at + keys);
    };
    for await (const _ of weightRows(where, attention, inputs, { ...options, heads, place }));
  }
  return { queries: [...queries], heads, averaged: average, keys, weights };
}

/**
 * One row of a map, [M], not copied.
 *
 * @param head by its number in the call. Default: the only one, or the mean.
 * @throws RangeError when the map has no such row.
 */
export function mapRow(map: AttentionMap, query: number, head?: number): Float32Array {
  const n = map.queries.indexOf(query);
  if (n < 0) throw new RangeError(`mapRow: query ${query} is not in the map, which has ${map.queries.join(", ")}`);
  if (map.averaged) {
    if (head !== undefined) throw new RangeError(`mapRow: head is ${head}, but the map is a mean over heads`);
    return map.weights.subarray(n * map.keys, (n + 1) * map.keys);
  }
  if (head === undefined && map.heads.length > 1) {
    throw new RangeError(`mapRow: expected a head, one of ${map.heads.join(", ")}`);
  }
  const h = head === undefined ? 0 : map.heads.indexOf(head);
  if (h < 0) throw new RangeError(`mapRow: head ${head} is not in the map, which has ${map.heads.join(", ")}`);
  const at = (h * map.queries.length + n) * map.keys;
  return map.weights.subarray(at, at + map.keys);
}

/** The heads that are asked for, once every row is known to exist. */
export function checkRows(
  where: string,
  { q, v }: MapInputs,
  { queries, heads, batch = 0 }: Pick<AttentionMapOptions, "queries" | "heads" | "batch">,
): readonly number[] {
  const each = (what: string, list: readonly number[], end: number): void => {
    for (const index of list) {
      if (Number.isInteger(index) && index >= 0 && index < end) continue;
      throw new RangeError(`${where}: ${what} ${index} is not there, expected one of 0..${end - 1}`);
    }
  };
  const count = Math.max(q.heads, v.heads);
  each("batch element", [batch], q.batch);
  each("query", queries, q.length);
  each("head", heads ?? [], count);
  if (heads?.length === 0) throw new RangeError(`${where}: heads is an empty list, expected at least one`);
  return heads === undefined ? Array.from({ length: count }, (_, h) => h) : [...heads];
}
