import type { RecurrenceJob } from "./recurrence.ts";
import { numbersOf, rowAt, type Rows } from "./rows.ts";

/** A decay whose logarithms may be float64. */
export type DecayRows =
  | { readonly kind: "none" }
  | { readonly kind: "head"; readonly log: ArrayLike<number> }
  | { readonly kind: "token" | "channel"; readonly log: Rows };

/** A rule whose gates may be float64. */
export type RuleRows =
  | { readonly kind: "additive" }
  | { readonly kind: "delta"; readonly beta: Rows }
  | { readonly kind: "general"; readonly a: Rows; readonly b: Rows };

/** What defines the result of a recurrence; every job is one. */
export interface RecurrenceTerms extends Pick<RecurrenceJob, "shape" | "scale" | "mode"> {
  readonly q: Rows;
  readonly k: Rows;
  readonly v: Rows;
  readonly decay: DecayRows;
  readonly rule: RuleRows;
  readonly lengths: ArrayLike<number> | undefined;
  /** [B, V, D, E]: read, not written. */
  readonly state: ArrayLike<number>;
  /** [B, V, D]: read, not written. */
  readonly normaliser: ArrayLike<number> | undefined;
}

/** float64: [B, max(H, V), N, E], [B, V, D, E] and [B, V, D]. */
export interface RecurrenceReference {
  readonly out: Float64Array;
  readonly state: Float64Array;
  readonly normaliser: Float64Array | undefined;
}

/**
 * The recurrence in float64 by its definition, token by token, for every batch element and value head:
 *
 * ```text
 *   read = a' S                  general: a reads S before it decays
 *   S   <- diag(w) S             w = exp(log decay)
 *   read = k' S                  delta: what S recalls of the key
 *   S   <- S + k v'              additive
 *   S   <- S + beta k (v - read)'                delta
 *   S   <- S + b read' + k v'                    general
 *   z   <- diag(w) z + k         with a normaliser
 *   o    = scale S' q            or  S' q / (z . q), 0 where that is 0 / 0
 * ```
 */
export function recurrenceReference(terms: RecurrenceTerms): RecurrenceReference {
  const { batch, heads, valueHeads, tokens, valueDim } = terms.shape;
  const out = new Float64Array(batch * Math.max(heads, valueHeads) * tokens * valueDim);
  const state = Float64Array.from(terms.state);
  const normaliser = terms.normaliser && Float64Array.from(terms.normaliser);
  for (let b = 0; b < batch; b++) {
    for (let s = 0; s < valueHeads; s++) {
      const length = terms.lengths?.[b] ?? tokens;
      for (let t = 0; t < length; t++) {
        if (terms.mode !== "read") write(terms, b, s, t, state, normaliser);
        if (terms.mode !== "write") read(terms, b, s, t, state, normaliser, out);
      }
    }
  }
  return { out, state, normaliser };
}

function write(
  { shape, k, v, decay, rule }: RecurrenceTerms,
  b: number,
  s: number,
  t: number,
  states: Float64Array,
  normalisers: Float64Array | undefined,
): void {
  const { kvHeads, valueHeads, headDim: D, valueDim: E } = shape;
  const key = rowOf(k, b, Math.floor(s / (valueHeads / kvHeads)), t);
  const value = rowOf(v, b, s, t);
  const head = b * valueHeads + s;
  const S = states.subarray(head * D * E, (head + 1) * D * E);
  const z = normalisers?.subarray(head * D, (head + 1) * D);
  const w = decayOf(decay, b, s, t, D);

  let recalled = rule.kind === "general" ? product(rowOf(rule.a, b, s, t), S, E) : undefined;
  for (let d = 0; d < D; d++) {
    for (let e = 0; e < E; e++) S[d * E + e]! *= w[d]!;
  }
  if (rule.kind === "delta") recalled = product(key, S, E);
  const beta = rule.kind === "delta" ? rowOf(rule.beta, b, s, t)[0]! : 1;
  const reread = rule.kind === "general" ? rowOf(rule.b, b, s, t) : undefined;
  for (let d = 0; d < D; d++) {
    for (let e = 0; e < E; e++) {
      const written = rule.kind === "delta" ? beta * (value[e]! - recalled![e]!) : value[e]!;
      S[d * E + e]! += key[d]! * written + (reread === undefined ? 0 : reread[d]! * recalled![e]!);
    }
    if (z !== undefined) z[d] = w[d]! * z[d]! + key[d]!;
  }
}

function read(
  { shape, q, scale }: RecurrenceTerms,
  b: number,
  s: number,
  t: number,
  states: Float64Array,
  normalisers: Float64Array | undefined,
  out: Float64Array,
): void {
  const { heads, valueHeads, tokens, headDim: D, valueDim: E } = shape;
  const most = Math.max(heads, valueHeads);
  const head = b * valueHeads + s;
  const S = states.subarray(head * D * E, (head + 1) * D * E);
  for (let o = (s * most) / valueHeads; o < ((s + 1) * most) / valueHeads; o++) {
    const query = rowOf(q, b, Math.floor(o / (most / heads)), t);
    const sums = product(query, S, E);
    let factor = scale;
    if (normalisers !== undefined) {
      const sum = query.reduce((total, number, d) => total + number * normalisers[head * D + d]!, 0);
      factor = 1 / sum;
      if (sum === 0 && sums.every((number) => number === 0)) factor = 0;
    }
    for (let e = 0; e < E; e++) out[((b * most + o) * tokens + t) * E + e] = factor * sums[e]!;
  }
}

/** x' S */
function product(x: ArrayLike<number>, S: Float64Array, E: number): Float64Array {
  const sums = new Float64Array(E);
  for (let d = 0; d < x.length; d++) {
    for (let e = 0; e < E; e++) sums[e]! += x[d]! * S[d * E + e]!;
  }
  return sums;
}

function decayOf(decay: DecayRows, b: number, s: number, t: number, D: number): Float64Array {
  const w = new Float64Array(D).fill(1);
  if (decay.kind === "none") return w;
  if (decay.kind === "head") return w.fill(Math.exp(decay.log[s]!));
  const log = rowOf(decay.log, b, s, t);
  return decay.kind === "token" ? w.fill(Math.exp(log[0]!)) : w.map((_, d) => Math.exp(log[d]!));
}

function rowOf(rows: Rows, b: number, h: number, t: number): Float64Array {
  const at = rowAt(rows, b, h, t);
  return Float64Array.from(numbersOf(rows).subarray(at, at + rows.width));
}
