import type { OptionValues } from "../catalogue/option-values.ts";
import type { CallSizes } from "./work.ts";

/** What a variant does outside the kernels. */
interface ScriptWork {
  /** Nanoseconds on the machine that the formulas were made on. */
  readonly ns: number;
  /** How often the rows of softmax attention are begun. Default once. */
  readonly branches?: number | undefined;
  /** Pairs of softmax attention inside a recurrence's windows. Default none. */
  readonly windowPairs?: number | undefined;
}

type Formula = (given: OptionValues, sizes: CallSizes) => ScriptWork;

/**
 * The most of `blocks` by score: a pass over all of them and a list of `k`. Found by timing lists of 16 to 2048 blocks; a machine's own
 * speed is in the factor that is measured for every variant.
 */
function choosing(rows: number, blocks: number, k: number, score: number): number {
  return rows * (100 + score * blocks + 30 * Math.min(k, blocks));
}

/** Features of queries and keys, one number at a time. */
function mapping({ batch, heads, kvHeads, tokens }: CallSizes, features: number, each: number): number {
  return each * batch * (heads + kvHeads) * tokens * features;
}

/** Pairs of causal windows of W keys: those of the first W rows are fewer. */
function windowPairs({ batch, heads, tokens }: CallSizes, window: number): number {
  const short = Math.min(tokens, window);
  return batch * heads * ((short * (short + 1)) / 2 + (tokens - short) * window);
}

const deltaKeys: Formula = (_, sizes) => ({ ns: mapping(sizes, sizes.headDim, 4) });

/** Blocks that a row chooses from, on average over rows. */
function half(tokens: number, block: number): number {
  return tokens / block / 2;
}

const FORMULAS: Readonly<Record<string, Formula>> = {
  "dual-chunk": (_, { batch, heads, kvHeads, tokens, headDim }) => ({
    ns: batch * (3 * heads + kvHeads) * tokens * headDim,
  }),
  "dilated-segments": (given, { batch, heads, tokens, valueDim }) => {
    const branches = given.number("branches");
    // A branch takes half of the rows of the one before it.
    return { ns: 2 * branches * batch * heads * tokens * valueDim, branches: 2 - 0.5 ** (branches - 1) };
  },
  "compressive-memory": (given, sizes) => {
    const segment = given.number("segment");
    const [whole, rest] = [Math.floor(sizes.tokens / segment), sizes.tokens % segment];
    const pairs = (sizes.batch * sizes.heads * (whole * segment * (segment + 1) + rest * (rest + 1))) / 2;
    return { ns: mapping(sizes, sizes.headDim, 20), windowPairs: pairs };
  },
  "top-k-blocks": (given, { batch, heads, tokens }) => ({
    ns: choosing(batch * heads * tokens, half(tokens, given.number("block")), given.number("k"), 5),
  }),
  "native-sparse": (given, { batch, heads, kvHeads, tokens, valueDim }) => ({
    ns:
      choosing(batch * kvHeads * tokens, half(tokens, given.number("block")), given.number("selected"), 5) +
      3 * batch * heads * tokens * valueDim,
    branches: 3,
  }),
  "page-select": (given, { batch, heads, kvHeads, tokens, headDim }) => ({
    ns:
      choosing(
        batch * kvHeads * tokens,
        half(tokens, given.number("page")),
        given.number("budget") / given.number("page"),
        10,
      ) +
      9 * batch * heads * tokens * headDim,
  }),
  cumulative: (_, sizes) => ({ ns: mapping(sizes, sizes.headDim, 5) }),
  "vertical-slash": (given, { batch, heads, tokens }) => ({ ns: 6 * batch * heads * tokens * given.number("last") }),
  "oracle-blocks": (given, { batch, heads, tokens }) => ({
    ns: choosing(batch * heads * tokens, half(tokens, 1), given.number("k"), 10),
  }),
  "index-top-k": (given, { batch, tokens }) => ({
    // Where everything is taken nothing is compared.
    ns: choosing(batch * Math.max(0, tokens - given.number("k")), half(tokens, 1), given.number("k"), 26),
  }),
  linear: (given, sizes) => {
    const { headDim } = sizes;
    const map = given.word("map");
    const features = map === "taylor" ? 1 + headDim + (headDim * (headDim + 1)) / 2 : headDim;
    return { ns: map === "identity" ? 0 : mapping(sizes, features, map === "elu" ? 20 : map === "relu" ? 15 : 2) };
  },
  "favor-plus": (given, sizes) => {
    const features = given.number("features") || Math.floor(sizes.headDim * Math.log(sizes.headDim));
    return { ns: mapping(sizes, features, 15) };
  },
  "cos-former": (_, sizes) => ({ ns: mapping(sizes, 2 * sizes.headDim, 6.5) }),
  hedgehog: (_, sizes) => ({ ns: mapping(sizes, 2 * sizes.headDim, 14) }),
  lolcats: (given, sizes) => {
    const pairs = windowPairs(sizes, given.number("window"));
    return { ns: mapping(sizes, 2 * sizes.headDim, 18) + 7 * pairs, windowPairs: pairs };
  },
  "state-space": (_, { batch, kvHeads, tokens, valueDim }) => ({ ns: 3 * batch * kvHeads * tokens * valueDim }),
  "delta-net": deltaKeys,
  "gated-delta-net": deltaKeys,
  "kimi-delta": deltaKeys,
  "log-linear": (_, { batch, heads, kvHeads, tokens, headDim, valueDim }) => {
    const [levels, states] = [Math.log2(Math.max(2, tokens)) / 2, Math.max(heads, kvHeads) + kvHeads];
    return { ns: 0.07 * batch * states * levels * tokens * headDim * valueDim };
  },
};

/** What a variant does on the calling thread; nothing for those that are kernels alone. */
export function scriptWorkOf(variant: string, given: OptionValues, sizes: CallSizes): ScriptWork {
  return FORMULAS[variant]?.(given, sizes) ?? { ns: 0 };
}
