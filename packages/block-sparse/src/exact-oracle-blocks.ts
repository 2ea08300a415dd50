import type { AttentionInputs } from "@saccade/core";
import type { SelectedBlocks, SelectingCall } from "@saccade/core/variants";
import { ascendingLists, dot, row } from "./exact-rows.ts";
import { visibleEnd, type VisibleSizes } from "./visible-blocks.ts";

/** The choice of `oracleBlocks` by its definition, in float64. */
export function exactOracleBlocks(
  { shape, q, k, positions, scores: { scale, softcap, bias, mask } }: SelectingCall<AttentionInputs>,
  { blockSize, topK, causal }: VisibleSizes,
): SelectedBlocks {
  const { batch, heads, kvHeads, queries } = shape;
  const lists = Array.from({ length: batch * heads }, (_, index) => {
    const [b, h] = [Math.floor(index / heads), index % heads];
    const g = Math.floor(h / (heads / kvHeads));
    return ascendingLists(queries, (i) => {
      const query = row(q, b, h, i);
      const seen = Array.from({ length: visibleEnd(positions, b, i, causal) }, (__, j) => {
        let score = scale * dot(query, row(k, b, g, j));
        if (softcap > 0) score = softcap * Math.tanh(score / softcap);
        if (bias) score += bias.data[bias.offset + b * bias.strides.b + h * bias.strides.h + i * bias.strides.n + j]!;
        const at = mask && mask.offset + b * mask.strides.b + h * mask.strides.h + i * mask.strides.n + j;
        return mask?.data[at!] === 0 ? -Infinity : score;
      });
      const most = seen.reduce((x, y) => Math.max(x, y), -Infinity);
      const masses = Array.from({ length: Math.ceil(seen.length / blockSize) }, (__, block) => ({
        block,
        mass: seen
          .slice(block * blockSize, (block + 1) * blockSize)
          .reduce((sum, score) => sum + (score === -Infinity ? 0 : Math.exp(score - most)), 0),
      }));
      masses.sort((x, y) => y.mass - x.mass || x.block - y.block);
      return masses.slice(0, topK).map(({ block }) => block);
    });
  });
  return { blockSize, queryBlock: 1, listOf: (b, h) => lists[b * heads + h]! };
}
