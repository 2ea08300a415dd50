import type { Gate, LinearAttention, LinearInputs } from "@saccade/core";
import { orthogonalFeatures } from "../src/feature-maps/random-features.ts";
import {
  cosFormer,
  deltaNet,
  eluPlusOne,
  favorPlus,
  gated,
  gatedDeltaNet,
  hedgehog,
  identity,
  kimiDelta,
  lightning,
  linear,
  logLinear,
  lolcats,
  relu,
  retention,
  rwkv7,
  scalarGated,
  taylor,
} from "../src/index.ts";
import { beta, channelDecay, scalarDecay, unitChannels, type GateSpec, type Sizes } from "./call-inputs.ts";
import { diagonal, dot, explicitly, outer, plus, times, walked, weighted, type Head } from "./explicit.ts";
import { normal } from "./normal.ts";

/** A variant, what its calls bring, and its published formula by explicit loops. */
export interface VariantCase {
  readonly name: string;
  readonly make: (sizes: Sizes) => LinearAttention<Gate>;
  readonly gates: Readonly<Partial<Record<Gate, GateSpec>>>;
  readonly unitKeys?: boolean;
  /** Sizes that it takes. Default: all. */
  readonly takes?: (sizes: Sizes) => boolean;
  readonly explicit: (inputs: LinearInputs<Gate>, sizes: Sizes) => Float64Array;
}

type Make = (sizes: Sizes) => unknown;

function variant(
  name: string,
  make: Make,
  gates: VariantCase["gates"],
  of: (head: Head, sizes: Sizes) => number[][],
  {
    unitKeys = false,
    sizes: takes = () => true,
  }: { readonly unitKeys?: boolean; readonly sizes?: (sizes: Sizes) => boolean } = {},
): VariantCase {
  return {
    name,
    make: make as VariantCase["make"],
    gates,
    unitKeys,
    takes,
    explicit: (inputs, sizes) => explicitly(inputs, (head) => of(head, sizes)),
  };
}

/** sum over the tokens after j up to t */
function between(rows: readonly number[][], t: number, j: number, d = 0): number {
  let sum = 0;
  for (let i = j + 1; i <= t; i++) sum += rows[i]![d]!;
  return sum;
}

const root = (x: readonly number[]): number => Math.sqrt(x.length);
const elu = (x: number): number => (x > 0 ? x + 1 : Math.exp(x));
const mapped = (rows: readonly number[][], of: (x: number) => number): number[][] => rows.map((row) => row.map(of));
const rectified = (x: number): number => (x > 0 ? x : 0);
const unit = (row: readonly number[]): number[] => row.map((x) => x / Math.sqrt(dot(row, row)));

function softmax(row: readonly number[]): number[] {
  const weights = row.map((x) => Math.exp(x));
  const sum = weights.reduce((total, x) => total + x, 0);
  return weights.map((x) => x / sum);
}

const FEATURES = 7;
const hedgehogWeights = ({ heads, kvHeads, headDim }: Sizes) => ({
  features: FEATURES,
  queries: normal(heads * FEATURES * headDim, 5).map((x) => 0.3 * x),
  keys: normal(kvHeads * FEATURES * headDim, 6).map((x) => 0.3 * x),
});
const slopes = (heads: number): number[] => Array.from({ length: heads }, (_, h) => 0.1 + 0.3 * h);
const rates = (heads: number): number[] => Array.from({ length: heads }, (_, h) => -0.5 - h);

const WINDOW_FACTORS = [0.5, 2, 1, 3];
const LEVELS = 9;
const levelWeights: GateSpec = {
  heads: ({ heads, valueHeads }) => Math.max(heads, valueHeads),
  width: () => LEVELS,
  of: (x) => 2 * x,
};

/** Stretches of text before t, longest first, until the one that j is in: their lengths are the powers of two that t is the sum of. */
function level(t: number, j: number): number {
  let end = 0;
  for (let power = LEVELS; power >= 0; power--) {
    if (t - end < 2 ** power) continue;
    end += 2 ** power;
    if (j < end) return power + 1;
  }
  return 0;
}

export const CASES: readonly VariantCase[] = [
  variant(
    "linear identity",
    () => linear({ map: identity() }),
    {},
    (head) => weighted(head, (t, j) => dot(head.q[t]!, head.k[j]!) / root(head.q[t]!)),
  ),
  variant(
    "linear eluPlusOne",
    () => linear({ map: eluPlusOne() }),
    {},
    (head) => {
      const [q, k] = [mapped(head.q, elu), mapped(head.k, elu)];
      return weighted(head, (t, j) => dot(q[t]!, k[j]!), { normalised: true });
    },
  ),
  variant(
    "linear relu without a normaliser",
    () => linear({ map: relu(), normalise: false, scale: 0.25 }),
    {},
    (head) => {
      const [q, k] = [mapped(head.q, rectified), mapped(head.k, rectified)];
      return weighted(head, (t, j) => 0.25 * dot(q[t]!, k[j]!));
    },
  ),
  variant(
    "linear relu",
    () => linear({ map: relu() }),
    {},
    (head) => {
      const [q, k] = [mapped(head.q, rectified), mapped(head.k, rectified)];
      return weighted(head, (t, j) => dot(q[t]!, k[j]!), { normalised: true });
    },
  ),
  variant(
    "linear taylor",
    () => linear({ map: taylor() }),
    {},
    (head) => {
      const weight = (t: number, j: number): number => {
        const s = dot(head.q[t]!, head.k[j]!) / root(head.q[t]!);
        return 1 + s + (s * s) / 2;
      };
      return weighted(head, weight, { normalised: true });
    },
  ),
  variant(
    "linear hedgehog",
    (sizes) => linear({ map: hedgehog({ weights: hedgehogWeights(sizes) }) }),
    {},
    (head, sizes) => {
      const { queries, keys } = hedgehogWeights(sizes);
      const features = (weights: Float32Array, at: number) => (row: readonly number[]) => {
        const x = Array.from({ length: FEATURES }, (_, f) =>
          row.reduce((sum, number, d) => sum + weights[(at * FEATURES + f) * row.length + d]! * number, 0),
        );
        return softmax([...x.map((y) => 2 * y), ...x.map((y) => -2 * y)]);
      };
      const [q, k] = [head.q.map(features(queries, head.h)), head.k.map(features(keys, head.g))];
      return weighted(head, (t, j) => dot(q[t]!, k[j]!), { normalised: true });
    },
  ),
  variant(
    "linear hedgehog that has learned nothing",
    () => linear({ map: hedgehog(), normalise: false }),
    {},
    (head) => {
      const features = (row: readonly number[]): number[] =>
        softmax([...row.map((x) => 2 * x), ...row.map((x) => -2 * x)]);
      const [q, k] = [head.q.map(features), head.k.map(features)];
      return weighted(head, (t, j) => dot(q[t]!, k[j]!));
    },
  ),
  variant(
    "linear hedgehog by sign",
    () => linear({ map: hedgehog({ softmax: "each" }) }),
    {},
    (head) => {
      const features = (row: readonly number[]): number[] => [...softmax(row), ...softmax(row.map((x) => -x))];
      const [q, k] = [head.q.map(features), head.k.map(features)];
      return weighted(head, (t, j) => dot(q[t]!, k[j]!), { normalised: true });
    },
  ),
  variant(
    "linear favorPlus",
    () => linear({ map: favorPlus({ features: 24, seed: 3 }) }),
    {},
    (head) => {
      const D = head.q[0]?.length ?? 1;
      const w = orthogonalFeatures(24, D, 3);
      const features = (row: readonly number[]): number[] => {
        const y = row.map((x) => x / D ** 0.25);
        return Array.from({ length: 24 }, (_, i) =>
          Math.exp(dot([...w.subarray(i * D, (i + 1) * D)], y) - dot(y, y) / 2),
        );
      };
      const [q, k] = [head.q.map(features), head.k.map(features)];
      return weighted(head, (t, j) => dot(q[t]!, k[j]!), { normalised: true });
    },
  ),
  variant(
    "linear cosFormer",
    () => linear({ map: cosFormer({ maximum: 150 }) }),
    {},
    (head) => {
      const [q, k] = [mapped(head.q, rectified), mapped(head.k, rectified)];
      const weight = (t: number, j: number): number => dot(q[t]!, k[j]!) * Math.cos((Math.PI * (t - j)) / 300);
      return weighted(head, weight, { normalised: true });
    },
  ),
  variant(
    "retention",
    () => retention(),
    {},
    (head) =>
      weighted(head, (t, j) => ((1 - 2 ** (-5 - head.s)) ** (t - j) * dot(head.q[t]!, head.k[j]!)) / root(head.q[t]!)),
  ),
  variant(
    "lightning",
    ({ valueHeads }) => lightning({ slopes: slopes(valueHeads), scale: 1 }),
    {},
    (head, { valueHeads }) =>
      weighted(head, (t, j) => Math.exp(-slopes(valueHeads)[head.s]! * (t - j)) * dot(head.q[t]!, head.k[j]!)),
  ),
  variant(
    "gated",
    () => gated(),
    { decay: channelDecay },
    (head) => {
      const log = head.gate("decay");
      const weight = (t: number, j: number): number =>
        head.q[t]!.reduce((sum, x, d) => sum + x * head.k[j]![d]! * Math.exp(between(log, t, j, d)), 0);
      return weighted(head, (t, j) => weight(t, j) / root(head.q[t]!));
    },
  ),
  variant(
    "scalarGated",
    () => scalarGated(),
    { decay: scalarDecay },
    (head) => {
      const log = head.gate("decay");
      return weighted(head, (t, j) => (Math.exp(between(log, t, j)) * dot(head.q[t]!, head.k[j]!)) / root(head.q[t]!));
    },
  ),
  variant(
    "scalarGated of a state space model",
    ({ valueHeads }) => scalarGated({ a: rates(valueHeads) }),
    { dt: { width: () => 1, of: (x) => (x < 0.1 ? 0 : 2 * x) } },
    (head, { valueHeads }) => {
      const dt = head.gate("dt");
      const a = rates(valueHeads)[head.s]!;
      return weighted(head, (t, j) => Math.exp(a * between(dt, t, j)) * dt[j]![0]! * dot(head.q[t]!, head.k[j]!));
    },
  ),
  variant(
    "logLinear",
    () => logLinear({ levels: LEVELS }),
    { decay: scalarDecay, levels: levelWeights },
    (head) => {
      const [log, weights] = [head.gate("decay"), head.gate("levels")];
      const weight = (t: number, j: number): number =>
        (weights[t]![level(t, j)]! * Math.exp(between(log, t, j)) * dot(head.q[t]!, head.k[j]!)) / root(head.q[t]!);
      return weighted(head, weight);
    },
  ),
  ...[true, false].map((stabilised) =>
    variant(
      `lolcats${stabilised ? "" : " that takes no maximum out"}`,
      ({ heads }) =>
        lolcats({ window: 6, map: eluPlusOne(), windowFactors: WINDOW_FACTORS.slice(0, heads), stabilised }),
      {},
      (head) => {
        const [q, k] = [mapped(head.q, elu), mapped(head.k, elu)];
        const score = (t: number, j: number): number => dot(head.q[t]!, head.k[j]!) / root(head.q[t]!);
        const weight = (t: number, j: number): number => {
          if (t - j >= 6) return dot(q[t]!, k[j]!);
          const near = Array.from({ length: Math.min(6, t + 1) }, (_, i) => score(t, t - i));
          return WINDOW_FACTORS[head.h]! * Math.exp(score(t, j) - (stabilised ? Math.max(...near) : 0));
        };
        return weighted(head, weight, { normalised: true });
      },
      { sizes: ({ heads, kvHeads, valueHeads }) => kvHeads === valueHeads && heads % kvHeads === 0 },
    ),
  ),
  // S is E x D here: S_t = S_(t-1) (I - beta k k') + beta v k'.
  variant(
    "deltaNet",
    () => deltaNet(),
    { beta },
    (head) => deltaStates(head, () => head.k[0]!.map(() => 1)),
    { unitKeys: true },
  ),
  variant(
    "deltaNet that normalises",
    () => deltaNet({ normaliseKeys: true, normaliseQueries: true }),
    { beta },
    (head) => deltaStates({ ...head, q: head.q.map(unit), k: head.k.map(unit) }, () => head.k[0]!.map(() => 1)),
  ),
  variant(
    "gatedDeltaNet",
    () => gatedDeltaNet({ normaliseKeys: true }),
    { decay: scalarDecay, beta },
    (head) =>
      deltaStates({ ...head, k: head.k.map(unit) }, (t) => head.k[0]!.map(() => Math.exp(head.gate("decay")[t]![0]!))),
  ),
  variant(
    "kimiDelta",
    () => kimiDelta(),
    { decay: channelDecay, beta },
    (head) => deltaStates(head, (t) => head.gate("decay")[t]!.map((x) => Math.exp(x))),
    { unitKeys: true },
  ),
  variant(
    "rwkv7",
    () => rwkv7(),
    { decay: channelDecay, a: unitChannels, b: unitChannels },
    (head) => {
      const [log, a, b] = [head.gate("decay"), head.gate("a"), head.gate("b")];
      return walked(head, (S, t) => {
        const turn = plus(diagonal(log[t]!.map((x) => Math.exp(x))), outer(a[t]!, b[t]!));
        return plus(times(S, turn), outer(head.v[t]!, head.k[t]!));
      });
    },
  ),
];

/** S_t = S_(t-1) diag(alpha) (I - beta k k') + beta v k', scaled by 1/sqrt(D). */
function deltaStates(head: Head, alpha: (t: number) => readonly number[]): number[][] {
  const by = head.gate("beta");
  const next = (S: number[][], t: number): number[][] => {
    const [key, share] = [head.k[t]!, by[t]![0]!];
    const kept = plus(diagonal(key.map(() => 1)), outer(key, key, -share));
    return plus(times(times(S, diagonal(alpha(t))), kept), outer(head.v[t]!, key, share));
  };
  return walked(head, next, 1 / Math.sqrt(head.q[0]?.length ?? 1));
}
