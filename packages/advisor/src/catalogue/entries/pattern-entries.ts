import { construct } from "../construction.ts";
import { CAUSAL, type Entry } from "../entry.ts";

const PATTERN = {
  family: "block-sparse",
  packageName: "@saccade/block-sparse",
  exact: false,
  needsTraining: false,
  selection: "static",
  kind: "softmax",
} as const;

/** Patterns that positions decide. */
export const PATTERN_ENTRIES: readonly Entry[] = [
  {
    ...PATTERN,
    name: "big-bird",
    description: "window, global and random blocks",
    main: "block",
    options: {
      block: { description: "positions of a block", default: 64, least: 1 },
      window: { description: "blocks of the window, an odd number", default: 3, least: 1 },
      global: { description: "first blocks, which everything sees", default: 1 },
      random: { description: "blocks that every block of queries draws", default: 3 },
      seed: { description: "of what is drawn", default: 0 },
    },
    settings: (given) =>
      `blocks of ${given.number("block")}: ${given.number("window")} of window, ${given.number("global")} global, ` +
      `${given.number("random")} random`,
    construction: (given) =>
      construct("bigBird", {
        blockSize: given.number("block"),
        window: given.number("window"),
        global: given.number("global"),
        random: given.number("random"),
        ...(given.number("seed") !== 0 && { seed: given.number("seed") }),
        causal: true,
      }),
  },
  {
    ...PATTERN,
    name: "longformer",
    description: "a window, and first tokens that see everything and that everything sees",
    main: "window",
    options: {
      window: { description: "keys to a side that a query sees, its own included", default: 512, least: 1 },
      global: { description: "first tokens, which see and are seen", default: 16 },
      causal: CAUSAL,
    },
    settings: (given) => `window ${given.number("window")}, ${given.number("global")} global tokens`,
    construction: (given) =>
      construct("longformer", {
        window: given.number("window"),
        global: given.number("global"),
        ...(given.is("causal") && { causal: true }),
      }),
  },
  {
    ...PATTERN,
    name: "strided",
    description: "what is near, and every so-manieth key before (Sparse Transformer)",
    main: "stride",
    options: {
      stride: { description: "width of the near part and step of the other", default: 128, least: 1 },
      part: { description: "one of the two alone, or both", default: "both", words: ["both", "local", "strided"] },
    },
    settings: (given) =>
      `stride ${given.number("stride")}${given.word("part") === "both" ? "" : `, ${given.word("part")} part`}`,
    construction: (given) =>
      construct("strided", {
        stride: given.number("stride"),
        ...(given.word("part") !== "both" && { part: given.word("part") }),
      }),
  },
  {
    ...PATTERN,
    name: "fixed",
    description: "a query's own stretch, and the last keys of every stretch (Sparse Transformer)",
    main: "stride",
    options: {
      stride: { description: "positions of a stretch", default: 128, least: 1 },
      summary: { description: "last positions of a stretch, which all later queries see", default: 16 },
      part: { description: "one of the two alone, or both", default: "both", words: ["both", "local", "summary"] },
    },
    settings: (given) =>
      `stretches of ${given.number("stride")}, ${given.number("summary")} of each seen by all` +
      (given.word("part") === "both" ? "" : `, ${given.word("part")} part`),
    construction: (given) =>
      construct("fixed", {
        stride: given.number("stride"),
        summary: given.number("summary"),
        ...(given.word("part") !== "both" && { part: given.word("part") }),
      }),
  },
  {
    ...PATTERN,
    name: "a-shape",
    description: "sinks and a window, as streaming heads see",
    main: "recent",
    options: {
      recent: { description: "keys up to the query's own", default: 1024, least: 1 },
      sinks: { description: "first keys, which stay visible", default: 64 },
    },
    settings: (given) => `${given.number("sinks")} sinks, ${given.number("recent")} keys`,
    construction: (given) => construct("aShape", { sinks: given.number("sinks"), recent: given.number("recent") }),
  },
];
