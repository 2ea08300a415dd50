import type { DecayRows, RecurrenceTerms } from "./recurrence-reference.ts";
import { numbersOf, rowAt, type Rows } from "./rows.ts";

export interface ParallelOptions {
  /** Tokens see those before them and themselves only. If not, they read what all tokens have written, and there is no delta rule. */
  readonly causal: boolean;
  /** Rounds every weight and every row that is solved for to f32. */
  readonly f32: boolean;
}

/**
 * The recurrence without a state: every token looks at all others. With G_t the sum of the logarithms of decay up to token t,
 *
 * ```text
 *   p_tj = sum_d q_td k_jd exp(G_td - G_jd)                      the weight of a pair, j <= t
 *   o_t  = scale (sum_j p_tj v_j + (q_t exp(G_t))' S_0)          with a normaliser   / (sum_j p_tj + (q_t exp(G_t)) . z_0)
 * ```
 *
 * The general rule writes b_j x_j' beside k_j v_j', where x_t = a_t' S_(t-1) is what token t reads. As that state is a sum over the tokens
 * before t, the x_t solve a system whose matrix is triangular with ones on its diagonal, by forward substitution:
 *
 * ```text
 *   x_t = sum_(j < t) (a_t exp(G_(t-1) - G_j)) . k_j v_j + (a_t exp(G_(t-1) - G_j)) . b_j x_j + (a_t exp(G_(t-1)))' S_0
 * ```
 *
 * and the delta rule is the general one with a = -w k, b = beta k, and beta v in place of v. Exponents are sums of logarithms between two
 * tokens, never differences of long sums. Source: Yang et al. 2024, "Parallelizing linear transformers with the delta rule over sequence
 * length".
 *
 * @returns contiguous [B, max(H, V), N, E]
 */
export function parallelForm(terms: RecurrenceTerms, options: ParallelOptions): Float64Array {
  const { batch, heads, valueHeads, tokens, valueDim } = terms.shape;
  const most = Math.max(heads, valueHeads);
  const out = new Float64Array(batch * most * tokens * valueDim);
  for (let b = 0; b < batch; b++) {
    const length = terms.lengths?.[b] ?? tokens;
    for (let s = 0; s < valueHeads; s++) {
      const pairs = new HeadPairs(terms, options, b, s, length);
      for (let t = 0; t < length; t++) pairs.solve(t);
      for (let o = (s * most) / valueHeads; o < ((s + 1) * most) / valueHeads; o++) {
        for (let t = 0; t < length; t++) {
          out.set(
            pairs.output(rowOf(terms.q, b, Math.floor(o / (most / heads)), t), t),
            ((b * most + o) * tokens + t) * valueDim,
          );
        }
      }
    }
  }
  return out;
}

/** The pairs of one batch element and value head. */
class HeadPairs {
  readonly #terms: RecurrenceTerms;
  readonly #causal: boolean;
  readonly #round: (x: number) => number;
  readonly #length: number;
  readonly #state: ArrayLike<number>;
  readonly #normaliser: ArrayLike<number> | undefined;
  readonly #keys: readonly Float64Array[];
  readonly #values: readonly Float64Array[];
  readonly #logs: readonly Float64Array[];
  readonly #a: readonly Float64Array[] | undefined;
  readonly #b: readonly Float64Array[] | undefined;
  /** x_t so far */
  readonly #solved: Float64Array[] = [];

  constructor(terms: RecurrenceTerms, { causal, f32 }: ParallelOptions, b: number, s: number, length: number) {
    const { kvHeads, valueHeads, headDim, valueDim } = terms.shape;
    const { rule } = terms;
    const all = <T>(row: (t: number) => T): T[] => Array.from({ length }, (_, t) => row(t));
    const head = b * valueHeads + s;
    this.#terms = terms;
    this.#causal = causal;
    this.#round = f32 ? Math.fround : (x) => x;
    this.#length = length;
    this.#state = Array.from({ length: headDim * valueDim }, (_, i) => terms.state[head * headDim * valueDim + i]!);
    this.#normaliser =
      terms.normaliser && Array.from({ length: headDim }, (_, d) => terms.normaliser![head * headDim + d]!);
    this.#logs = all((t) => logsOf(terms.decay, b, s, t, headDim));
    const keys = all((t) => rowOf(terms.k, b, Math.floor(s / (valueHeads / kvHeads)), t));
    this.#keys = keys;
    this.#values = all((t) => rowOf(terms.v, b, s, t));
    if (rule.kind === "general") {
      this.#a = all((t) => rowOf(rule.a, b, s, t));
      this.#b = all((t) => rowOf(rule.b, b, s, t));
    }
    if (rule.kind === "delta") {
      const beta = all((t) => rowOf(rule.beta, b, s, t)[0]!);
      this.#a = all((t) => keys[t]!.map((x, d) => -Math.exp(this.#logs[t]![d]!) * x));
      this.#b = all((t) => keys[t]!.map((x) => beta[t]! * x));
      this.#values = this.#values.map((row, t) => row.map((x) => beta[t]! * x));
    }
  }

  /** x_t, once those before it are solved. */
  solve(t: number): void {
    if (this.#a === undefined || this.#b === undefined) return;
    // The state that a reads has not decayed by w_t yet.
    const x = this.#gather(this.#a[t]!, t - 1, t - 1, false).sums;
    this.#solved.push(x.map(this.#round));
  }

  output(query: Float64Array, t: number): Float64Array {
    const last = this.#causal ? t : this.#length - 1;
    const { sums, total } = this.#gather(query, t, last, this.#normaliser !== undefined);
    if (this.#normaliser === undefined) return sums.map((x) => this.#terms.scale * x);
    if (total === 0 && sums.every((x) => x === 0)) return sums;
    return sums.map((x) => x / total);
  }

  /** What x finds at time t of the tokens 0..last and of the initial state. */
  #gather(x: Float64Array, t: number, last: number, weighs: boolean): { sums: Float64Array; total: number } {
    const { valueDim } = this.#terms.shape;
    const sums = new Float64Array(valueDim);
    let total = 0;
    const add = (weight: number, row: Float64Array): void => {
      for (let e = 0; e < valueDim; e++) sums[e]! += weight * row[e]!;
    };
    const take = (j: number, exponents: Float64Array): void => {
      const weight = this.#round(weigh(x, this.#keys[j]!, exponents));
      add(weight, this.#values[j]!);
      total += weight;
      if (this.#b !== undefined) add(this.#round(weigh(x, this.#b[j]!, exponents)), this.#solved[j]!);
    };
    // A decay by head counts the distance on either side; any other is what the state has lost when all tokens are in it.
    const both = this.#terms.decay.kind === "head";
    const ahead = new Float64Array(x.length);
    for (let j = t + 1; both && j <= last; j++) {
      for (let d = 0; d < x.length; d++) ahead[d]! += this.#logs[j]![d]!;
      take(j, ahead);
    }
    const behind = new Float64Array(x.length);
    for (let j = both ? t : last; j >= 0; j--) {
      take(j, behind);
      for (let d = 0; d < x.length; d++) behind[d]! += this.#logs[j]![d]!;
    }
    for (let d = 0; d < x.length; d++) {
      const weight = x[d]! * Math.exp(behind[d]!);
      for (let e = 0; e < valueDim; e++) sums[e]! += weight * this.#state[d * valueDim + e]!;
      if (weighs) total += weight * this.#normaliser![d]!;
    }
    return { sums, total };
  }
}

/** sum_d x_d y_d exp(exponent_d) */
function weigh(x: Float64Array, y: Float64Array, exponents: Float64Array): number {
  let sum = 0;
  for (let d = 0; d < x.length; d++) sum += x[d]! * y[d]! * Math.exp(exponents[d]!);
  return sum;
}

function logsOf(decay: DecayRows, b: number, s: number, t: number, width: number): Float64Array {
  const logs = new Float64Array(width);
  if (decay.kind === "none") return logs;
  if (decay.kind === "head") return logs.fill(decay.log[s]!);
  const row = rowOf(decay.log, b, s, t);
  return decay.kind === "token" ? logs.fill(row[0]!) : row;
}

function rowOf(rows: Rows, b: number, h: number, t: number): Float64Array {
  const at = rowAt(rows, b, h, t);
  return Float64Array.from(numbersOf(rows).subarray(at, at + rows.width));
}
