import type { AttentionInputs } from "../attention.ts";
import { bytesOfCache } from "../decoder/token-cache.ts";
import { keysRead, planShape, workspaceBytes, type PlanShape } from "../plan.ts";
import type { BlockList } from "../schedule/block-list.ts";
import { checkPositions, type AttentionShape } from "../shape.ts";
import { scheduleOf } from "./attend-selected.ts";
import { chosenPairs, type SelectedBlocks } from "./selected-blocks.ts";
import { SCORE_FLOATS } from "./rows-at-once.ts";
import type { SelectedPlan } from "./selected-options.ts";
import type { SelectingVariant } from "./selecting-variant.ts";

/** The cost of a call of a selecting variant: what is known of it before, judged by the call's last panel. */
export function planSelected<I extends AttentionInputs, S>(
  variant: SelectingVariant<I, S>,
  options: PlanShape,
): SelectedPlan {
  const where = `${variant.name}.plan`;
  const shape = planShape(where, options);
  const at = checkPositions(where, shape, options.queryOffset, options.keyLengths);
  const { batch, heads, queries, keys, headDim, valueDim } = shape;
  const expected = variant.expected(shape, at);
  const pairTerms = options.bias === true || options.mask === true;
  const rows = Math.min(queries, variant.panel);
  const panel = { ...shape, queries: rows };
  const last = { ...at, queryOffset: at.queryOffset.map((offset) => offset + queries - rows) };
  const blocks = expected.lists(panel, last);
  const schedule = scheduleOf(variant, blocks, { shape: panel, positions: last }, pairTerms);
  const visible = chosenPairs(blocks, panel, last, variant.causal);
  // What the last panel pays for a visible pair stands for all of them.
  const visitedPairs = visible === 0 ? 0 : Math.round((schedule.visitedPairs / visible) * expected.visiblePairs);
  const readKeys = visible === 0 ? 0 : Math.round((keysRead(schedule) / visible) * expected.visiblePairs);
  const pairBytes = (options.bias === true ? 4 : 0) + (options.mask === true ? 1 : 0);
  return {
    flops: 2 * (headDim + valueDim) * expected.visiblePairs,
    bytesRead: 4 * (batch * heads * queries * headDim + readKeys * (headDim + valueDim)) + pairBytes * visitedPairs,
    workspaceBytes:
      workspaceBytes(variant, options, panel, schedule) +
      variant.summaryBytes(shape) +
      listBytes(blocks, panel) +
      4 * Math.min(SCORE_FLOATS, expected.scores),
    cacheBytes: bytesOfCache({ ...shape, rows: keys, dtype: options.dtype ?? "f32" }) + variant.summaryBytes(shape),
    visiblePairs: expected.visiblePairs,
    visitedPairs,
    density: visitedPairs === 0 ? 0 : visitedPairs / (batch * heads * queries * keys),
    exact: expected.exact && !pairTerms,
    selecting: { flops: 2 * expected.width * expected.scores, panel: variant.panel },
  };
}

/** Bytes of distinct lists. */
function listBytes({ listOf }: SelectedBlocks, { batch, heads }: Pick<AttentionShape, "batch" | "heads">): number {
  const lists = new Set<BlockList>();
  for (let b = 0; b < batch; b++) for (let h = 0; h < heads; h++) lists.add(listOf(b, h));
  let bytes = 0;
  for (const { starts, keyBlocks } of lists) bytes += starts.byteLength + keyBlocks.byteLength;
  return bytes;
}
