import { tensor, type Tensor } from "@saccade/core";
import type { HeadSizes } from "./construction.ts";
import { sharedRow, type TokenInput } from "./made-inputs.ts";

const valueHeads = ({ kvHeads }: HeadSizes): number => kvHeads;
const one = (): number => 1;
const channels = ({ headDim }: HeadSizes): number => headDim;

/** Half-lives from 7 to 7000 tokens. */
const forgetting = (uniform: number): number => -0.1 * 0.001 ** uniform;

/** What recurrences read: decays as their logarithms, shares in 1/4..3/4, unit vectors for what is read and removed. */
export const GATES: Readonly<Record<"decay" | "channelDecay" | "beta" | "dt" | "a" | "b", TokenInput>> = {
  decay: sharedRow({
    ...{ name: "decay", gate: "decay", sizes: "[B, V, N, 1]", heads: valueHeads, width: one, seed: 1 },
    of: forgetting,
  }),
  channelDecay: sharedRow({
    ...{ name: "decay", gate: "decay", sizes: "[B, V, N, D]", heads: valueHeads, width: channels, seed: 1 },
    of: forgetting,
  }),
  beta: sharedRow({
    ...{ name: "beta", gate: "beta", sizes: "[B, V, N, 1]", heads: valueHeads, width: one, seed: 2 },
    of: (uniform) => 0.25 + 0.5 * uniform,
  }),
  dt: sharedRow({
    ...{ name: "dt", gate: "dt", sizes: "[B, V, N, 1]", heads: valueHeads, width: one, seed: 3 },
    // Mamba's steps: 0.001 to 0.1, alike in the logarithm.
    of: (uniform) => 0.001 * 100 ** uniform,
  }),
  a: sharedRow({
    ...{ name: "a", gate: "a", sizes: "[B, V, N, D]", heads: valueHeads, width: channels, seed: 4 },
    of: (uniform, width) => signOf(uniform) / Math.sqrt(width),
  }),
  // Minus a, by half: half of what is read is removed.
  b: sharedRow({
    ...{ name: "b", gate: "b", sizes: "[B, V, N, D]", heads: valueHeads, width: channels, seed: 4 },
    of: (uniform, width) => (-0.5 * signOf(uniform)) / Math.sqrt(width),
  }),
};

function signOf(uniform: number): number {
  return uniform < 0.5 ? -1 : 1;
}

/** Weights of the levels of a tree of states. */
export function levelWeights(levels: number): TokenInput {
  return sharedRow({
    ...{ name: "levels", gate: "levels", sizes: `[B, max(H, V), N, ${levels}]`, seed: 5 },
    heads: ({ heads, kvHeads }) => Math.max(heads, kvHeads),
    width: () => levels,
    of: (uniform) => uniform,
  });
}

/** Weights of the three branches of native sparse attention. */
export const BRANCH_GATES: TokenInput = sharedRow({
  ...{ name: "gates", sizes: "[B, H, N, 3]", heads: ({ heads }) => heads, width: () => 3, seed: 6 },
  of: (uniform) => uniform,
});

/**
 * What stands in for a trained indexer: the query heads of the first key head, that key head, and weights of 1. It picks the keys that
 * these heads score highest, for all heads.
 */
export const INDEX_INPUTS: readonly TokenInput[] = [
  {
    name: "indexQueries",
    sizes: "[B, H / G, N, D]",
    heads: ({ heads, kvHeads }) => heads / kvHeads,
    width: channels,
    ofTokens: true,
    bytes: () => 0,
    make: ({ q, k }) => firstHeads(q, q.heads / k.heads),
  },
  {
    name: "indexKeys",
    sizes: "[B, 1, M, D]",
    heads: one,
    width: channels,
    ofTokens: true,
    bytes: () => 0,
    make: ({ k }) => firstHeads(k, 1),
  },
  {
    name: "indexWeights",
    sizes: "[B, H / G, N, 1]",
    heads: ({ heads, kvHeads }) => heads / kvHeads,
    width: one,
    bytes: () => 4,
    make: ({ q, k }) =>
      tensor(Float32Array.of(1), {
        shape: [q.batch, q.heads / k.heads, q.length, 1],
        strides: { b: 0, h: 0, n: 0 },
      }),
  },
];

function firstHeads(view: Tensor, heads: number): Tensor {
  return { ...view, heads };
}
