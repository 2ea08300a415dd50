import { construct } from "../construction.ts";
import type { Entry } from "../entry.ts";
import { BRANCH_GATES, INDEX_INPUTS } from "../token-inputs.ts";

const SELECTING = {
  family: "block-sparse",
  packageName: "@saccade/block-sparse",
  exact: false,
  needsTraining: false,
  selection: "per-query",
  kind: "softmax",
} as const;

/** Variants whose queries choose by content. */
export const SELECTING_ENTRIES: readonly Entry[] = [
  {
    ...SELECTING,
    name: "top-k-blocks",
    description: "every query takes its own block and those whose mean key it likes best (MoBA)",
    main: "block",
    options: {
      block: { description: "keys of a block", default: 64, least: 1 },
      k: { description: "blocks that a query attends to, its own included", default: 16, least: 1 },
    },
    settings: (given) => `${given.number("k")} blocks of ${given.number("block")}`,
    construction: (given) => construct("topKBlocks", { blockSize: given.number("block"), topK: given.number("k") }),
  },
  {
    ...SELECTING,
    name: "native-sparse",
    description: "compressed, selected and window branches joined by gates (NSA)",
    main: "block",
    options: {
      block: { description: "keys of a block that is selected", default: 64, least: 1 },
      selected: { description: "blocks that a query takes", default: 16, least: 3 },
      window: { description: "keys of the window", default: 512, least: 1 },
      length: { description: "tokens of a compressed block", default: 32, least: 1 },
      stride: { description: "tokens from one compressed block to the next", default: 16, least: 1 },
    },
    ...{ needsTraining: true, kind: "mixture" },
    settings: (given) =>
      `${given.number("selected")} blocks of ${given.number("block")}, window ${given.number("window")}, ` +
      `means of ${given.number("length")} every ${given.number("stride")}`,
    construction: (given) => {
      const [length, stride] = [given.number("length"), given.number("stride")];
      return construct("nativeSparse", {
        blockSize: given.number("block"),
        selected: given.number("selected"),
        window: given.number("window"),
        ...((length !== 32 || stride !== 16) && { compression: { options: { length, stride } } }),
      });
    },
    inputs: () => [BRANCH_GATES],
  },
  {
    ...SELECTING,
    name: "page-select",
    description: "every query reads the pages of the cache whose keys could score highest (Quest); for decoding",
    main: "budget",
    options: {
      budget: { description: "tokens that a query attends to", default: 2048, least: 1 },
      page: { description: "keys of a page", default: 32, least: 1 },
    },
    selection: "decode-only",
    settings: (given) => `${given.number("budget")} tokens in pages of ${given.number("page")}`,
    construction: (given) =>
      construct("pageSelect", { pageSize: given.number("page"), budget: given.number("budget") }),
  },
  {
    ...SELECTING,
    name: "cumulative",
    description: "blocks of queries keep as many blocks as their pooled scores need (SpargeAttn)",
    main: "tau",
    options: {
      tau: { description: "mass that kept blocks reach", default: 0.95, most: 1, fractions: true },
      block: { description: "keys of a block", default: 64, least: 1 },
      "query-block": { description: "queries of a block", default: 128, least: 1 },
      similarity: {
        description: "blocks that are less alike inside are kept",
        ...{ default: 0.6, least: -1, most: 1, fractions: true },
      },
    },
    selection: "query-block",
    settings: (given) => `mass ${given.number("tau")}, blocks of ${given.number("block")}`,
    construction: (given) =>
      construct("cumulative", {
        tau: given.number("tau"),
        blockSize: given.number("block"),
        queryBlock: given.number("query-block"),
        similarity: given.number("similarity"),
      }),
    noDecoder: "what a query keeps depends on later queries of its block",
  },
  {
    ...SELECTING,
    name: "vertical-slash",
    description: "columns and diagonals of every head that the prompt's last queries attend to (MInference)",
    main: "verticals",
    options: {
      verticals: { description: "columns of a head", default: 1000 },
      slashes: { description: "diagonals of a head", default: 200 },
      last: { description: "queries that they are found by", default: 64, least: 1 },
    },
    selection: "prompt",
    settings: (given) => `${given.number("verticals")} columns, ${given.number("slashes")} diagonals`,
    construction: (given) =>
      construct("estimateVerticalSlash", {
        verticals: given.number("verticals"),
        slashes: given.number("slashes"),
        ...(given.number("last") !== 64 && { lastQueries: given.number("last") }),
      }),
    noDecoder: "what a query sees depends on the last queries of the prompt",
  },
  {
    ...SELECTING,
    name: "oracle-blocks",
    description: "the blocks that truly hold most mass: the bound for selectors, and slower than dense attention",
    main: "block",
    options: {
      block: { description: "keys of a block", default: 64, least: 1 },
      k: { description: "blocks that a query attends to", default: 16, least: 1 },
    },
    settings: (given) => `${given.number("k")} blocks of ${given.number("block")}`,
    construction: (given) => construct("oracleBlocks", { blockSize: given.number("block"), topK: given.number("k") }),
  },
  {
    ...SELECTING,
    name: "index-top-k",
    description:
      "single keys that an indexer picks for all heads (DeepSeek-V3.2); the first group's heads stand in for it",
    main: "k",
    options: { k: { description: "keys that a query attends to", default: 2048, least: 1 } },
    needsTraining: true,
    settings: (given) => `${given.number("k")} keys`,
    construction: (given) =>
      construct("indexTopK", {
        topK: given.number("k"),
        indexHeads: { text: "heads / kvHeads", of: ({ heads, kvHeads }) => heads / kvHeads },
        indexDim: { text: "headDim", of: ({ headDim }) => headDim },
      }),
    inputs: () => INDEX_INPUTS,
  },
];
