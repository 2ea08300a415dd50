import type { PlanShape, SelectedPlan } from "@saccade/core";
import { compressedBranch, windowBranch } from "./branch-attention.ts";
import { completeBlocks } from "./compression.ts";
import type { GatedParts } from "./gated-attention.ts";

/** What all branches cost together. */
export function planGated(parts: GatedParts, shape: PlanShape): SelectedPlan {
  const selected = parts.selecting.plan(shape);
  const { batch = 1, heads, kvHeads = heads, queries, headDim, valueDim = headDim, keyLengths } = shape;
  const { keys = queries, queryOffset } = shape;
  const blocksOf = (length: number): number => completeBlocks(length, parts.compression);
  const compressed = compressedBranch(parts).plan({
    ...shape,
    keys: blocksOf(keys),
    queryOffset: queryOffset ?? (keyLengths ? Array.from(keyLengths, (length) => length - queries) : keys - queries),
    keyLengths: keyLengths && Array.from(keyLengths, blocksOf),
  });
  const plans = [compressed, selected, windowBranch(parts).plan(shape)];
  const total = (of: (plan: (typeof plans)[number]) => number): number =>
    plans.reduce((sum, plan) => sum + of(plan), 0);
  const visitedPairs = total((plan) => plan.visitedPairs);
  // The rows of two branches wait for those of the third.
  const rows = 8 * batch * heads * Math.min(queries, selected.selecting.panel) * valueDim;
  return {
    get flops() {
      return total((plan) => plan.flops);
    },
    // Tokens are read once more to be compressed.
    bytesRead: total((plan) => plan.bytesRead) + 4 * batch * kvHeads * keys * (headDim + valueDim),
    workspaceBytes: Math.max(...plans.map((plan) => plan.workspaceBytes)) + rows,
    cacheBytes: selected.cacheBytes,
    get visiblePairs() {
      return total((plan) => plan.visiblePairs);
    },
    visitedPairs,
    density: visitedPairs === 0 ? 0 : visitedPairs / (batch * heads * queries * keys),
    exact: selected.exact,
    selecting: selected.selecting,
  };
}
