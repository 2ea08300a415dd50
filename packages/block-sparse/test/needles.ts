import { tensor, type Tensor } from "@saccade/core";
import { normal, uniform } from "./normal.ts";

/** Keys that queries at the end of a text must find among many. */
export interface Needles {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  /** First key of the needle of query i of head h, at h N + i. */
  readonly at: Int32Array;
  readonly span: number;
}

export interface NeedleSizes {
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  /** Keys of a needle, side by side inside a block of this many. */
  readonly span: number;
  readonly within: number;
  readonly seed: number;
}

const D = 64;
/** Score of a needle's keys after scaling by 1/sqrt(D); those of all others are normal with variance 1. */
const LOGIT = 14;

/**
 * Queries of length sqrt(D) over normal keys, and for every query and head a needle somewhere before the last `within` keys, depths evenly
 * from the first to the last. Values are 1 in column i % D of the needle of query i, and 0 elsewhere.
 */
export function needles({ heads, queries, keys, span, within, seed }: NeedleSizes): Needles {
  const k = normal(heads * keys * D, seed);
  const q = normal(heads * queries * D, seed + 1);
  const v = new Float32Array(heads * keys * D);
  const at = new Int32Array(heads * queries);
  const next = uniform(seed + 2);
  const blocks = Math.floor(keys / within) - 1;
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < queries; i++) {
      const query = q.subarray((h * queries + i) * D, (h * queries + i + 1) * D);
      const length = Math.hypot(...query);
      for (let d = 0; d < D; d++) query[d]! *= Math.sqrt(D) / length;
      const first = Math.floor((i * blocks) / queries) * within + Math.floor(next() * (within - span + 1));
      at[h * queries + i] = first;
      for (let j = first; j < first + span; j++) {
        const key = k.subarray((h * keys + j) * D, (h * keys + j + 1) * D);
        const product = key.reduce((sum, x, d) => sum + x * query[d]!, 0);
        // What the key has along the query is replaced.
        const missing = (LOGIT * Math.sqrt(D) - product) / D;
        for (let d = 0; d < D; d++) key[d]! += missing * query[d]!;
        v[(h * keys + j) * D + (i % D)] = 1;
      }
    }
  }
  return {
    q: tensor(q, { shape: [1, heads, queries, D] }),
    k: tensor(k, { shape: [1, heads, keys, D] }),
    v: tensor(v, { shape: [1, heads, keys, D] }),
    at,
    span,
  };
}

/** The share of needles that are retrieved by depth, in ten steps: more than half of the weight is on the needle's values. */
export function retrieved({ at, q, k }: Needles, out: Tensor): number[] {
  const data = out.data as Float32Array;
  const [hits, all] = [new Float64Array(10), new Float64Array(10)];
  at.forEach((first, row) => {
    const depth = Math.floor((10 * first) / k.length);
    all[depth]!++;
    if (data[row * D + ((row % q.length) % D)]! > 0.5) hits[depth]!++;
  });
  return Array.from(hits, (count, depth) => count / all[depth]!);
}

export function mean(rates: readonly number[]): number {
  return rates.reduce((sum, rate) => sum + rate, 0) / rates.length;
}

/**
 * The rate at which a needle of one key brings its block among the `picked` of `others` + 1 blocks with the largest means: the mean of
 * its block gains LOGIT / C, and all means are normal with variance 1 / C.
 */
export function predictedRate(blockSize: number, picked: number, others: number): number {
  const gain = LOGIT / Math.sqrt(blockSize);
  let rate = 0;
  const step = 0.01;
  for (let z = -8; z < 8; z += step) {
    const below = Math.max(phi(z + gain), 1e-9);
    // At most picked - 1 of the others lie above.
    let [term, sum] = [below ** others, 0];
    for (let n = 0; n < picked; n++) {
      sum += term;
      term *= ((others - n) / (n + 1)) * ((1 - below) / below);
    }
    rate += sum * Math.exp((-z * z) / 2) * step;
  }
  return rate / Math.sqrt(2 * Math.PI);
}

/** The normal distribution, by its power series. */
function phi(x: number): number {
  if (Math.abs(x) > 7) return x > 0 ? 1 : 0;
  let [term, sum] = [x, x];
  for (let n = 1; Math.abs(term) > 1e-17; n++) {
    term *= (x * x) / (2 * n + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-x * x) / 2)) / Math.sqrt(2 * Math.PI);
}
