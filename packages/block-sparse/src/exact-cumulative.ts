import type { AttentionInputs } from "@saccade/core";
import type { SelectedBlocks, SelectingCall } from "@saccade/core/variants";
import type { CumulativeSizes } from "./cumulative.ts";
import { ascendingLists, blockMeans, dot, row } from "./exact-rows.ts";

/** The choice of `cumulative` by its definition, in float64. */
export function exactCumulative(
  { shape, q, k, positions, scores: { scale } }: SelectingCall<AttentionInputs>,
  { tau, blockSize, queryBlock, similarity, causal }: CumulativeSizes,
): SelectedBlocks {
  const { batch, heads, kvHeads, queries } = shape;
  const lists = Array.from({ length: batch * heads }, (_, index) => {
    const [b, h] = [Math.floor(index / heads), index % heads];
    const g = Math.floor(h / (heads / kvHeads));
    const keys = positions.keyLength[b]!;
    const direction = (x: Float64Array): Float64Array => {
      const length = Math.sqrt(dot(x, x));
      return x.map((each) => (length > 0 ? each / length : 0));
    };
    const likeness = (tokens: Float64Array[]): number => {
      const directions = tokens.map(direction);
      const all = directions.flatMap((x) => directions.map((y) => dot(x, y)));
      return all.reduce((sum, each) => sum + each, 0) / all.length;
    };
    const similar = (of: typeof q, head: number, from: number, end: number): boolean =>
      likeness(Array.from({ length: end - from }, (__, n) => row(of, b, head, from + n))) >= similarity;
    const pooledQueries = blockMeans(q, b, h, queries, queryBlock);
    const pooledKeys = blockMeans(k, b, g, keys, blockSize);
    const judged = pooledKeys.map((__, j) => similar(k, g, j * blockSize, Math.min(keys, (j + 1) * blockSize)));
    return ascendingLists(pooledQueries.length, (i) => {
      const end = Math.min(queries, (i + 1) * queryBlock);
      const [first, last] = [i * queryBlock, end - 1].map((n) => n + positions.queryOffset[b]!) as [number, number];
      const seen = [...pooledKeys.keys()].filter((j) => !causal || j * blockSize <= last);
      if (!similar(q, h, i * queryBlock, end)) return seen;
      const candidates = seen.filter((j) => judged[j]);
      const scores = new Map(candidates.map((j) => [j, scale * dot(pooledQueries[i]!, pooledKeys[j]!)]));
      const most = Math.max(...scores.values());
      const sum = candidates.reduce((total, j) => total + Math.exp(scores.get(j)! - most), 0);
      const own = (j: number): boolean => causal && (j + 1) * blockSize > first;
      const kept = candidates.filter(own);
      const mass = (j: number): number => Math.exp(scores.get(j)! - most) / sum;
      let reached = kept.reduce((total, j) => total + mass(j), 0);
      const rest = candidates.filter((j) => !own(j)).sort((x, y) => scores.get(y)! - scores.get(x)! || x - y);
      for (const j of rest) {
        if (reached >= tau) break;
        kept.push(j);
        reached += mass(j);
      }
      return [...kept, ...seen.filter((j) => !judged[j])];
    });
  });
  return { blockSize, queryBlock, listOf: (b, h) => lists[b * heads + h]! };
}
