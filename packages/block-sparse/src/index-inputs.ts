import type { AttentionShape } from "@saccade/core/variants";
import type { IndexInputs } from "./index-top-k.ts";
import { shown } from "./checks.ts";

/** @throws TypeError or RangeError when what the indexer reads does not fit the call. */
export function checkIndexInputs(
  where: string,
  { indexQueries, indexKeys, indexWeights }: IndexInputs,
  { batch, queries, keys }: Pick<AttentionShape, "batch" | "queries" | "keys">,
  indexDim: number,
): void {
  for (const [name, view] of Object.entries({ indexQueries, indexKeys, indexWeights })) {
    if (view?.strides === undefined) throw new TypeError(`${where}: ${name} is ${shown(view)}, expected a tensor`);
  }
  const heads = indexQueries.heads;
  const expected = {
    indexQueries: [batch, heads, queries, indexDim],
    indexKeys: [batch, 1, keys, indexDim],
    indexWeights: [batch, heads, queries, 1],
  };
  for (const [name, view] of Object.entries({ indexQueries, indexKeys, indexWeights })) {
    const sizes = [view.batch, view.heads, view.length, view.width];
    const want = expected[name as keyof typeof expected];
    if (sizes.every((size, axis) => size === want[axis])) continue;
    throw new RangeError(`${where}: ${name} is [${sizes.join(", ")}], expected [${want.join(", ")}]`);
  }
}
