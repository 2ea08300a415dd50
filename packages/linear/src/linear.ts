import type { LinearAttention } from "@saccade/core";
import {
  linearAttention,
  mapRows,
  recurrenceVariant,
  repeatedRow,
  type DecayRows,
  type FeatureMap,
  type Operands,
  type Rows,
  type Scratch,
  type Steps,
} from "@saccade/core/variants";
import { scaleOf } from "./checks.ts";
import type { ScaleOption } from "./common-options.ts";

export interface LinearAttentionOptions extends ScaleOption {
  /** What queries and keys become before they meet: `eluPlusOne()`, `taylor()`, `favorPlus()`, ... */
  readonly map: FeatureMap;
  /** Divide by the sum of weights. Default: where the map's products are never negative. */
  readonly normalise?: boolean | undefined;
  /**
   * Tokens see those before them and themselves only. Default true. If false, tokens see all others, and there is no state and no decoder.
   */
  readonly causal?: boolean | undefined;
}

/**
 * Linear attention: products of features are the weights, so that what was seen fits into a state of features x E numbers.
 *
 * ```text
 *   S_t = S_(t-1) + phi(k_t) v_t'      z_t = z_(t-1) + phi(k_t)
 *   o_t = phi(q_t)' S_t / phi(q_t) . z_t          or  scale phi(q_t)' S_t  without a normaliser
 * ```
 *
 * The scale without a normaliser is the map's own. Features are made for a panel of tokens at a time, of 4 MB at most.
 *
 * Source: Katharopoulos et al. 2020, "Transformers are RNNs"; each map names its own.
 *
 * @throws TypeError when `normalise` is true and the map's products may be negative, or false for a map that needs it.
 * @example
 * const attend = linear({ map: eluPlusOne() });
 * const { out } = await attend.forward({ q, k, v });
 */
export function linear(options: LinearAttentionOptions): LinearAttention {
  const { map, normalise = map?.positive, causal = true } = options;
  if (typeof map?.map !== "function") throw new TypeError("linear: map is missing, expected a feature map");
  if (normalise && !map.positive) {
    throw new TypeError(`linear: a normaliser needs weights that are never negative, those of ${map.name} may be`);
  }
  if (!normalise && map.relative) {
    throw new TypeError(`linear: features of ${map.name} are relative to a maximum, which only a normaliser takes out`);
  }
  return linearAttention(
    recurrenceVariant({
      name: "linear",
      stateName: `linear ${map.name}`,
      gates: [],
      causal,
      most: map.most,
      check: map.check,
      features: map.features,
      scale: scaleOf("linear", options.scale, map.scale),
      normalised: normalise,
      relative: map.relative,
      ruleFlops: 0,
      operandBytes: ({ heads, kvHeads, valueHeads, headDim }) =>
        4 * ((heads + kvHeads) * map.held(headDim) + (map.relative ? valueHeads : 0)),
      *operands({ inputs, before, lengths, mode, scratch, maximum, sizes }): Steps<Operands> {
        const { q, k, v } = inputs;
        const blank = (heads: number): Rows =>
          repeatedRow(new Float32Array(map.features(q.width)), q.batch, heads, q.length);
        const common = { before, lengths, scratch };
        const queries =
          mode === "write"
            ? blank(q.heads)
            : (yield* map.map({ ...common, x: q, role: "query", maximum: undefined })).rows;
        if (mode === "read") return { q: queries, k: blank(k.heads), v, ...NEITHER };
        const { rows, log } = yield* map.map({ ...common, x: k, role: "key", maximum });
        const decay = log === undefined ? NEITHER.decay : yield* tokenDecay(log, sizes.valueHeads, scratch);
        return { q: queries, k: rows, v, ...NEITHER, decay };
      },
    }),
  );
}

const NEITHER: Pick<Operands, "decay" | "rule"> = { decay: { kind: "none" }, rule: { kind: "additive" } };

/** Logarithms by key head as those of value heads. */
function* tokenDecay(log: Rows, valueHeads: number, scratch: Scratch): Steps<DecayRows> {
  const rows = yield* mapRows(
    log,
    1,
    scratch,
    "decay",
    ({ source, at, target, to }) => (target[to] = source[at]!),
    valueHeads,
  );
  return { kind: "token", log: rows };
}
