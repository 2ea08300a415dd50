import type { AttentionInputs } from "@saccade/core";
import type { SelectedBlocks, SelectingCall } from "@saccade/core/variants";
import { ascendingLists, blockMeans, dot, row } from "./exact-rows.ts";

/** The choice of `topKBlocks` by its definition, in float64. */
export function exactTopKBlocks(
  { shape, q, k, positions }: SelectingCall<AttentionInputs>,
  { blockSize, topK }: { readonly blockSize: number; readonly topK: number },
): SelectedBlocks {
  const { batch, heads, kvHeads, queries } = shape;
  const lists = Array.from({ length: batch * heads }, (_, index) => {
    const [b, h] = [Math.floor(index / heads), index % heads];
    const means = blockMeans(k, b, Math.floor(h / (heads / kvHeads)), positions.keyLength[b]!, blockSize);
    return ascendingLists(queries, (i) => {
      const own = Math.floor((i + positions.queryOffset[b]!) / blockSize);
      const gates = means
        .map((mean, block) => ({ block, gate: block === own ? Infinity : dot(row(q, b, h, i), mean) }))
        .filter(({ block }) => block <= own);
      gates.sort((x, y) => y.gate - x.gate || x.block - y.block);
      return gates.slice(0, topK).map(({ block }) => block);
    });
  });
  return { blockSize, queryBlock: 1, listOf: (b, h) => lists[b * heads + h]! };
}
