import type { AttentionInputs } from "@saccade/core";
import { rowsStandAlone, type Attending, type SeeingOptions } from "./attending.ts";
import { attentionMap, checkRows, mapRow } from "./attention-map.ts";
import { firstPosition } from "./cut-call.ts";
import type { Reference } from "./reference.ts";
import { stretched } from "./stretched.ts";

/** How an attention sees the key of a reference. */
export interface Sight {
  readonly weight: number;
  /** 1 where no other key counts more. Undefined where the key counts nothing. */
  readonly rank: number | undefined;
  /** Whether its rank is at most `top`. */
  readonly found: boolean;
}

/** A reference in two attentions. */
export interface ReferenceComparison extends Reference {
  /** Query head that was looked at. */
  readonly head: number;
  /** Tokens from the key to the query's own position. */
  readonly distance: number;
  readonly dense: Sight;
  readonly variant: Sight;
  /** Weight that dense attention gives the keys which count nothing in the variant, 0..1. */
  readonly massLost: number;
  /** Whether dense attention finds the key and the variant does not. */
  readonly dropped: boolean;
  /**
   * Least distance at which that is so, of those tried; undefined where it is at none of them, or where nothing was tried (`upTo`).
   * Distances are tried in powers of two, and between the last two: where a variant drops a reference and finds it again further away,
   * this is one of several.
   */
  readonly droppedFrom: number | undefined;
}

export interface CompareReferencesOptions extends SeeingOptions {
  /** Rank at which a key counts as found. Default 3. */
  readonly top?: number | undefined;
  /** Query heads. Of several, the one in which dense attention gives the key the largest weight is looked at in both. Default all. */
  readonly heads?: readonly number[] | undefined;
  /**
   * Also look for the distance from which the variant drops each reference, up to this one: what lies between key and query is shortened, or
   * repeated. For queries and keys that the attention turns itself, or that have no positions. Default: the references are taken as they lie.
   */
  readonly upTo?: number | undefined;
}

/**
 * Which references a variant drops, and from which length: for each pair of a query and the key it is expected to look at, whether dense
 * attention and the variant find the key, with its weight and rank, and the mass that the variant leaves out.
 *
 * A reference that is dropped cannot reach this layer's output through this head. It may still pass through other layers: weights of one
 * layer are no verdict on a model.
 *
 * @throws RangeError or TypeError (as a rejection) when a query, key or head is not there.
 * @example
 * const [it] = await compareReferences(dense({ causal: true }), slidingWindow({ window: 64 }), { q, k, v }, [{ query: 90, key: 3 }]);
 * it.dropped; // true: the key is 87 tokens away
 */
export async function compareReferences(
  dense: Attending,
  variant: Attending,
  inputs: AttentionInputs,
  references: readonly Reference[],
  options: CompareReferencesOptions = {},
): Promise<ReferenceComparison[]> {
  const where = "compareReferences";
  const { top = 3, upTo, batch = 0 } = options;
  if (upTo !== undefined && !(Number.isInteger(upTo) && upTo >= 1)) {
    throw new RangeError(`${where}: upTo is ${upTo}, expected an integer of at least 1`);
  }
  const queries = references.map(({ query }) => query);
  const heads = checkRows(where, inputs, { queries, heads: options.heads, batch });
  for (const { key } of references) {
    if (Number.isInteger(key) && key >= 0 && key < inputs.k.length) continue;
    throw new RangeError(`${where}: key ${key} is not there, expected one of 0..${inputs.k.length - 1}`);
  }
  const comparisons: ReferenceComparison[] = [];
  for (const reference of references) {
    const { query, key } = reference;
    const own = { ...options, batch, heads, queries: [query] };
    const exact = await attentionMap(dense, inputs, own);
    const weightIn = (h: number): number => mapRow(exact, query, h)[key]!;
    const head = heads.reduce((best, h) => (weightIn(h) > weightIn(best) ? h : best));
    const full = mapRow(exact, query, head);
    const kept = mapRow(await attentionMap(variant, inputs, { ...own, heads: [head] }), query, head);
    const sights = { dense: sight(full, key, top), variant: sight(kept, key, top) };
    const drops = (distance: number): Promise<boolean> =>
      dropsAt(where, dense, variant, inputs, reference, { ...options, batch, head, top, distance });
    comparisons.push({
      query,
      key,
      head,
      distance: query + firstPosition(inputs, batch) - key,
      ...sights,
      massLost: full.reduce((sum, weight, j) => (kept[j] === 0 ? sum + weight : sum), 0),
      dropped: sights.dense.found && !sights.variant.found,
      droppedFrom: upTo === undefined ? undefined : await leastDistance(drops, upTo),
    });
  }
  return comparisons;
}

function sight(row: Float32Array, key: number, top: number): Sight {
  const weight = row[key]!;
  if (weight === 0) return { weight, rank: undefined, found: false };
  const rank = 1 + row.reduce((count, other) => (other > weight ? count + 1 : count), 0);
  return { weight, rank, found: rank <= top };
}

/** Whether only dense attention finds a reference that is stretched to a distance. */
async function dropsAt(
  where: string,
  dense: Attending,
  variant: Attending,
  inputs: AttentionInputs,
  reference: Reference,
  options: SeeingOptions & {
    readonly batch: number;
    readonly head: number;
    readonly top: number;
    readonly distance: number;
  },
): Promise<boolean> {
  const { batch, head, top, distance } = options;
  const found = async (attention: Attending): Promise<boolean> => {
    const alone = rowsStandAlone(where, attention, inputs, options.alone);
    const call = stretched(where, inputs, reference, batch, distance, alone);
    const map = await attentionMap(attention, call.inputs, {
      ...options,
      batch: 0,
      heads: [head],
      queries: [call.query],
    });
    return sight(mapRow(map, call.query, head), reference.key, top).found;
  };
  return (await found(dense)) && !(await found(variant));
}

/** The least distance at which something holds: by powers of two up to the first where it does, then by halves. */
async function leastDistance(holds: (distance: number) => Promise<boolean>, upTo: number): Promise<number | undefined> {
  let [low, high] = [0, 1];
  while (!(await holds(high))) {
    if (high >= upTo) return undefined;
    [low, high] = [high, Math.min(2 * high, upTo)];
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
