import type { AttentionInputs, BlockList, SelectedAttention } from "@saccade/core";
import { breathe, selectedAttention } from "@saccade/core/variants";
import { uniform } from "./normal.ts";

/** Causal attention to a query's own block and others before it, drawn at random: what a selector has to beat. */
export function randomSelection(blockSize: number, topK: number, seed = 1): SelectedAttention {
  const listsOf = (batch: number, heads: number, queries: number, offset: Int32Array): BlockList[] => {
    const next = uniform(seed);
    return Array.from({ length: batch * heads }, (_, head) => {
      const starts = [0];
      const keyBlocks: number[] = [];
      for (let i = 0; i < queries; i++) {
        const own = Math.floor((i + offset[Math.floor(head / heads)]!) / blockSize);
        const others = Array.from({ length: own }, (__, block) => ({ block, place: next() }));
        others.sort((x, y) => x.place - y.place);
        const drawn = [own, ...others.slice(0, topK - 1).map(({ block }) => block)];
        keyBlocks.push(...drawn.sort((x, y) => x - y));
        starts.push(keyBlocks.length);
      }
      return { starts: Int32Array.from(starts), keyBlocks: Int32Array.from(keyBlocks) };
    });
  };
  return selectedAttention<AttentionInputs, true>({
    name: "random",
    selection: "per-query",
    selects: "N x M / C",
    causal: true,
    scale: undefined,
    softcap: 0,
    learnedSinks: undefined,
    panel: 4096,
    *summarise() {
      yield* breathe();
      return true;
    },
    *select({ shape: { batch, heads, queries }, positions }) {
      yield* breathe();
      const lists = listsOf(batch, heads, queries, positions.queryOffset);
      return { blockSize, queryBlock: 1, listOf: (b, h) => lists[b * heads + h]! };
    },
    selectExactly() {
      throw new Error("random: there is nothing to define");
    },
    expected() {
      throw new Error("random: there is nothing to plan");
    },
    summaryBytes: () => 0,
  });
}
