import { lightningSlopes } from "@saccade/linear";
import { construct, type Construction } from "../construction.ts";
import { CAUSAL, type Entry } from "../entry.ts";
import type { TokenInput } from "../made-inputs.ts";
import { GATES, levelWeights } from "../token-inputs.ts";

const LINEAR = {
  family: "linear",
  packageName: "@saccade/linear",
  exact: false,
  needsTraining: true,
  selection: "static",
  kind: "recurrence",
} as const;

/** Maps without options, by the word that names them. */
const MAPS: Readonly<Record<string, string>> = {
  elu: "eluPlusOne",
  relu: "relu",
  identity: "identity",
  taylor: "taylor",
};

/** Tokens that a variant with an end can take unless it is asked for more. */
const MOST = 2 ** 20;

/** A variant without options, and what its calls bring. */
function plain(name: string, description: string, made: Construction, inputs: readonly TokenInput[] = []): Entry {
  return {
    ...LINEAR,
    ...{ name, description, main: undefined, options: {}, settings: () => "" },
    construction: () => made,
    inputs: () => inputs,
  };
}

const normalised = { normaliseKeys: true, normaliseQueries: true };

export const LINEAR_ENTRIES: readonly Entry[] = [
  {
    ...LINEAR,
    name: "linear",
    description: "linear attention: products of features are the weights",
    main: "map",
    options: {
      map: { description: "what queries and keys become", default: "elu", words: Object.keys(MAPS) },
      causal: CAUSAL,
    },
    settings: (given) => `map ${given.word("map")}`,
    construction: (given) =>
      construct("linear", {
        map: construct(MAPS[given.word("map")] ?? "eluPlusOne"),
        ...(!given.is("causal") && { causal: false }),
      }),
  },
  {
    ...LINEAR,
    name: "favor-plus",
    description: "linear attention by random features that estimate softmax (Performer)",
    main: "features",
    options: {
      features: { description: "random features, 0 for D ln D", default: 0 },
      seed: { description: "of what is drawn", default: 0 },
    },
    // What it estimates is softmax attention itself.
    needsTraining: false,
    settings: (given) => (given.number("features") === 0 ? "D ln D features" : `${given.number("features")} features`),
    construction: (given) =>
      construct("linear", {
        map: construct("favorPlus", {
          ...(given.number("features") > 0 && { features: given.number("features") }),
          ...(given.number("seed") > 0 && { seed: given.number("seed") }),
        }),
      }),
  },
  {
    ...LINEAR,
    name: "cos-former",
    description: "linear attention with relu features and weights that fall with the distance (cosFormer)",
    main: "tokens",
    options: { tokens: { description: "tokens that a sequence has at most", default: MOST, least: 1 } },
    settings: (given) => `at most ${given.number("tokens")} tokens`,
    construction: (given) => construct("linear", { map: construct("cosFormer", { maximum: given.number("tokens") }) }),
    most: (given) => given.number("tokens"),
  },
  {
    ...LINEAR,
    name: "hedgehog",
    description: "linear attention with learned softmax features (Hedgehog), here those from which learning starts",
    main: "softmax",
    options: { softmax: { description: "over both signs or each", default: "joint", words: ["joint", "each"] } },
    settings: (given) => (given.word("softmax") === "joint" ? "one softmax over both signs" : "a softmax by sign"),
    construction: (given) =>
      construct("linear", {
        map: construct("hedgehog", { ...(given.word("softmax") === "each" && { softmax: "each" }) }),
      }),
  },
  {
    ...LINEAR,
    name: "lolcats",
    description: "softmax inside a window and linear attention to all before it, under one normaliser (LoLCATs)",
    main: "window",
    options: { window: { description: "keys weighed by softmax", default: 64, least: 1 } },
    settings: (given) => `window ${given.number("window")}`,
    construction: (given) =>
      construct("lolcats", {
        window: given.number("window"),
        map: construct("hedgehog", { softmax: "each" }),
      }),
  },
  {
    ...LINEAR,
    name: "retention",
    description: "a state with a fixed decay for each head (RetNet)",
    main: undefined,
    options: { causal: CAUSAL },
    settings: (given) => (given.is("causal") ? "" : "both sides"),
    construction: (given) => construct("retention", given.is("causal") ? {} : { causal: false }),
  },
  plain(
    "lightning",
    "a state with a fixed decay for each head, given as a slope (Lightning attention)",
    construct("lightning", {
      slopes: {
        text: "lightningSlopes(kvHeads, { layer: 0, layers: 1 })",
        of: ({ kvHeads }) => lightningSlopes(kvHeads, { layer: 0, layers: 1 }),
      },
    }),
  ),
  plain("gated", "a decay for each key channel that the token decides (GLA)", construct("gated"), [GATES.channelDecay]),
  plain("scalar-gated", "a decay for each head that the token decides", construct("scalarGated"), [GATES.decay]),
  plain(
    "state-space",
    "Mamba-2's state space model",
    construct("scalarGated", {
      a: {
        text: "Array.from({ length: kvHeads }, (_, h) => -1 - h)",
        of: ({ kvHeads }) => Array.from({ length: kvHeads }, (_, h) => -1 - h),
      },
    }),
    [GATES.dt],
  ),
  plain(
    "delta-net",
    "a token replaces what the state recalls of its key (DeltaNet)",
    construct("deltaNet", normalised),
    [GATES.beta],
  ),
  plain(
    "gated-delta-net",
    "the delta rule with a decay for each head (Gated DeltaNet, Qwen3-Next)",
    construct("gatedDeltaNet", normalised),
    [GATES.decay, GATES.beta],
  ),
  plain(
    "kimi-delta",
    "the delta rule with a decay for each key channel (Kimi Linear)",
    construct("kimiDelta", normalised),
    [GATES.channelDecay, GATES.beta],
  ),
  plain("rwkv7", "RWKV-7's recurrence", construct("rwkv7"), [GATES.channelDecay, GATES.a, GATES.b]),
  {
    ...LINEAR,
    name: "log-linear",
    description: "gated linear attention with a state for every level of a tree over the tokens (log-linear attention)",
    main: "levels",
    options: { levels: { description: "levels of the tree", default: 21, least: 1, most: 30 } },
    settings: (given) => `${given.number("levels")} levels, at most ${2 ** (given.number("levels") - 1)} tokens`,
    construction: (given) => construct("logLinear", { levels: given.number("levels") }),
    inputs: (given) => [GATES.decay, levelWeights(given.number("levels"))],
    most: (given) => 2 ** (given.number("levels") - 1),
  },
];
