import type { SelectedBlocks, SelectingCall } from "@saccade/core/variants";
import { ascendingLists, dot, row } from "./exact-rows.ts";
import type { IndexInputs } from "./index-top-k.ts";

/** The choice of `indexTopK` by its definition, in float64. */
export function exactIndexTopK(
  { shape, positions, inputs, part }: SelectingCall<IndexInputs>,
  topK: number,
): SelectedBlocks {
  const { indexQueries, indexKeys, indexWeights } = inputs;
  const lists = Array.from({ length: shape.batch }, (_, b) =>
    ascendingLists(shape.queries, (i) => {
      const seen = Math.max(0, Math.min(positions.keyLength[b]!, i + positions.queryOffset[b]! + 1));
      const [element, query] = [part.batch + b, part.query + i];
      const ranked = Array.from({ length: seen }, (__, s) => {
        const key = row(indexKeys, element, 0, part.key + s);
        let score = 0;
        for (let j = 0; j < indexQueries.heads; j++) {
          const weight = row(indexWeights, element, j, query)[0]!;
          score += weight * Math.max(0, dot(row(indexQueries, element, j, query), key));
        }
        return { s, score };
      });
      ranked.sort((x, y) => y.score - x.score || x.s - y.s);
      return ranked.slice(0, topK).map(({ s }) => s);
    }),
  );
  return { blockSize: 1, queryBlock: 1, listOf: (b) => lists[b]! };
}
