import {
  bandSchedule,
  FINISH,
  PARTIAL,
  stackedHeads,
  stackedLists,
  TASK_INTS,
  type AttentionShape,
  type Positions,
  type Schedule,
  type SelectedBlocks,
} from "@saccade/core/variants";

/**
 * The schedule of queries that each see a list of single keys, one for all heads: a task for every query, whose rows are the query heads
 * of a group and whose keys are its list. Keys are those up to a query's own position.
 */
export function keyListSchedule(
  { listOf }: SelectedBlocks,
  shape: AttentionShape,
  at: Positions,
  pairTerms: boolean,
): Schedule {
  const { queries, heads, kvHeads, batch } = shape;
  const reach = { ahead: 0, back: Infinity };
  const lists = Array.from({ length: batch }, (_, b) => listOf(b, 0));
  if (lists.every(({ starts }, b) => takesAll(starts, queries, at, b)))
    return bandSchedule(shape, at, reach, pairTerms);
  const firsts: number[] = [];
  let total = 0;
  for (const { starts } of lists) {
    firsts.push(total);
    total += starts[queries]!;
  }
  const indices = new Int32Array(total);
  lists.forEach(({ starts, keyBlocks }, b) => indices.set(keyBlocks.subarray(0, starts[queries]), firsts[b]));
  const stacked = stackedLists(
    shape,
    stackedHeads(heads, kvHeads),
    ({ b }) => String(b),
    ({ b }) => {
      const { starts } = lists[b]!;
      const tasks = new Int32Array(queries * TASK_INTS);
      for (let i = 0; i < queries; i++) {
        const first = firsts[b]! + starts[i]!;
        const count = starts[i + 1]! - starts[i]!;
        const key = count === 0 ? 0 : indices[first]!;
        const flags = FINISH | (pairTerms ? PARTIAL : 0);
        tasks.set([i, 1, 1, key, count, 1, 0, flags, key, -1, count === 0 ? -1 : first, 0], i * TASK_INTS);
      }
      return { tasks, blocks: Int32Array.from({ length: queries + 1 }, (_, i) => i), pairs: starts[queries]! };
    },
  );
  return { ...stacked, blockPositions: 1, reaches: [reach], masked: undefined, indices };
}

/** Whether every query of a batch element has all keys up to its own. */
function takesAll(starts: Int32Array, queries: number, { queryOffset, keyLength }: Positions, b: number): boolean {
  for (let i = 0; i < queries; i++) {
    const seen = Math.max(0, Math.min(keyLength[b]!, i + queryOffset[b]! + 1));
    if (starts[i + 1]! - starts[i]! < seen) return false;
  }
  return true;
}
