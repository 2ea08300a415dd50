import type { AttentionInputs } from "@saccade/core";
import type { SelectingCall } from "@saccade/core/variants";
import { dot, row } from "./exact-rows.ts";
import { VerticalSlashSums, type VerticalSlashCounts, type VerticalSlashLists } from "./vertical-slash-lists.ts";

/** The estimate of a batch element by its definition: softmax of its last queries in float64, [H] lists. */
export function exactVerticalSlash(
  {
    shape,
    q,
    k,
    positions,
    scores,
  }: Pick<SelectingCall<AttentionInputs>, "shape" | "q" | "k" | "positions" | "scores">,
  b: number,
  lastQueries: number,
  counts: VerticalSlashCounts,
): VerticalSlashLists[] {
  const { heads, kvHeads, queries } = shape;
  const [first, keys] = [positions.queryOffset[b]!, positions.keyLength[b]!];
  return Array.from({ length: heads }, (_, h) => {
    const sums = new VerticalSlashSums(keys, Math.max(0, first + queries));
    for (let i = Math.max(0, queries - lastQueries); i < queries; i++) {
      const query = row(q, b, h, i);
      const count = Math.max(0, Math.min(keys, first + i + 1));
      const logits = Float64Array.from(
        { length: count },
        (_key, j) => scores.scale * dot(query, row(k, b, Math.floor(h / (heads / kvHeads)), j)),
      );
      const most = logits.reduce((top, logit) => Math.max(top, logit), -Infinity);
      const weights = logits.map((logit) => Math.exp(logit - most));
      const sum = weights.reduce((all, weight) => all + weight, 0);
      sums.add(
        first + i,
        weights.map((weight) => weight / sum),
        0,
        count,
      );
    }
    return sums.lists(counts);
  });
}
