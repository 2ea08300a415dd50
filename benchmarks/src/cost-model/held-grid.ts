import { candidate, type Candidate, type CandidateShape } from "@saccade/advisor";

/** A call that the cost model is held to. None of them is among those that a machine is measured with. */
export interface HeldCall {
  readonly candidate: Candidate;
  readonly shape: CandidateShape & { readonly kvHeads: number; readonly threads: number };
}

const VARIANTS = [
  "dense",
  "window:1024:sinks=4",
  "window:256",
  "chunk:1024",
  "segment-recurrence:512:memory=512",
  "dilated-segments:512",
  "compressive-memory:512",
  "big-bird:64",
  "longformer:256",
  "strided:128",
  "fixed:128",
  "a-shape:512",
  "top-k-blocks:64:k=8",
  "native-sparse:64:selected=8:window=256",
  "page-select:512",
  "cumulative:0.95",
  "index-top-k:512",
  "linear:elu",
  "cos-former",
  "hedgehog",
  "lolcats:64",
  "retention",
  "gated",
  "scalar-gated",
  "state-space",
  "delta-net",
  "gated-delta-net",
  "kimi-delta",
  "rwkv7",
  "log-linear",
] as const;

/** Variants by lengths, widths and heads. */
export function heldGrid(threads: number, lengths: readonly number[]): readonly HeldCall[] {
  const calls: HeldCall[] = [];
  for (const queries of lengths) {
    for (const headDim of [64, 96, 128]) {
      for (const [heads, kvHeads] of [
        [4, 4],
        [8, 2],
      ] as const) {
        // Every width with one of the two, the middle one with the second.
        if ((headDim === 96) !== (kvHeads === 2) && headDim !== 64) continue;
        for (const id of VARIANTS) {
          calls.push({ candidate: candidate(id), shape: { heads, kvHeads, queries, headDim, threads } });
        }
      }
    }
  }
  return calls;
}
