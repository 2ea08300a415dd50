import type { AttentionJob } from "../src/runtime/runtime.ts";
import { referenceRow, type ReferenceJob } from "../src/reference.ts";
import { reachEnd, reachStart } from "../src/schedule/reach.ts";
import { floatsOf } from "../src/tensor.ts";

/**
 * The rule that every runtime keeps: against float64, over the rows of a call,
 *
 *   max error <= 2 x naive error + 4 x 2^-24 x max |reference|
 *
 * where naive is the plain computation in f32: products summed in ascending d, the maximum subtracted, a correctly rounded exp, sums over
 * keys pairwise. The lse keeps the same rule. `ratio` is the error as a share of what is allowed.
 */
export interface Accuracy {
  readonly ratio: number;
  readonly lseRatio: number;
}

/** What the rule compares with, computed once for a case and used for every runtime. */
export interface Expected {
  readonly rows: readonly number[];
  readonly out: readonly Float64Array[];
  readonly lse: readonly number[];
  readonly allowed: number;
  readonly lseAllowed: number;
}

const ROUNDING = 4 * 2 ** -24;

/** Float64 and naive results of some rows of a job, row = (b * H + h) * N + i. */
export function expected(job: ReferenceJob, rows: readonly number[]): Expected {
  const out: Float64Array[] = [];
  const lse: number[] = [];
  let [error, size, lseError, lseSize] = [0, 0, 0, 0];
  for (const row of rows) {
    const exact = new Float64Array(job.shape.valueDim);
    const exactLse = referenceRow(job, row, exact);
    const naive = naiveRow(job, row);
    for (let e = 0; e < exact.length; e++) {
      error = Math.max(error, Math.abs(naive.out[e]! - exact[e]!));
      size = Math.max(size, Math.abs(exact[e]!));
    }
    if (exactLse !== -Infinity) {
      lseError = Math.max(lseError, Math.abs(naive.lse - exactLse));
      lseSize = Math.max(lseSize, Math.abs(exactLse));
    }
    out.push(exact);
    lse.push(exactLse);
  }
  return { rows, out, lse, allowed: 2 * error + ROUNDING * size, lseAllowed: 2 * lseError + ROUNDING * lseSize };
}

/** A runtime's result against the rule. NaN anywhere, or an lse that is finite where it must not be, gives Infinity. */
export function accuracy(expectation: Expected, out: Float32Array, lse: Float32Array): Accuracy {
  let [error, lseError] = [0, 0];
  for (const [index, row] of expectation.rows.entries()) {
    const exact = expectation.out[index]!;
    for (let e = 0; e < exact.length; e++) error = worse(error, out[row * exact.length + e]!, exact[e]!);
    lseError = worse(lseError, lse[row]!, expectation.lse[index]!);
  }
  return { ratio: share(error, expectation.allowed), lseRatio: share(lseError, expectation.lseAllowed) };
}

function worse(error: number, value: number, exact: number): number {
  if (value === exact) return error;
  const difference = Math.abs(value - exact);
  return Number.isNaN(difference) ? Infinity : Math.max(error, difference);
}

function share(error: number, allowed: number): number {
  return error === 0 ? 0 : error / allowed;
}

function naiveRow(job: ReferenceJob, row: number): { out: Float32Array; lse: number } {
  const { q, k, v, scores: terms, positions, visibility } = job as AttentionJob;
  const { heads, kvHeads, queries, headDim, valueDim } = job.shape;
  const f = Math.fround;
  const i = row % queries;
  const h = Math.floor(row / queries) % heads;
  const b = Math.floor(row / queries / heads);
  const g = Math.floor((h * kvHeads) / heads);
  const [qs, ks, vs] = [floatsOf(q), floatsOf(k), floatsOf(v)];
  const position = i + positions.queryOffset[b]!;
  const scale = f(terms.scale);
  const cap = f(terms.softcap);
  const keys: number[] = [];
  const scores: number[] = [];
  for (let j = 0; j < positions.keyLength[b]!; j++) {
    if (j < reachStart(visibility.reach, position) || j >= reachEnd(visibility.reach, position)) continue;
    const { mask, bias } = terms;
    if (mask && !mask.data[mask.offset + b * mask.strides.b + h * mask.strides.h + i * mask.strides.n + j]) continue;
    const added = bias && bias.data[bias.offset + b * bias.strides.b + h * bias.strides.h + i * bias.strides.n + j];
    if (added === -Infinity) continue;
    const qAt = q.offset + b * q.strides.b + h * q.strides.h + i * q.strides.n;
    const kAt = k.offset + b * k.strides.b + g * k.strides.h + j * k.strides.n;
    let score = 0;
    for (let d = 0; d < headDim; d++) score = f(score + f(qs[qAt + d]! * ks[kAt + d]!));
    score = f(score * scale);
    if (cap !== 0) score = f(cap * f(Math.tanh(f(score / cap))));
    if (added !== undefined) score = f(score + added);
    keys.push(j);
    scores.push(score);
  }
  const sink = terms.learnedSinks?.[h];
  const max = Math.max(sink ?? -Infinity, ...scores);
  const out = new Float32Array(valueDim);
  if (max === -Infinity) return { out, lse: -Infinity };
  const weights = Float32Array.from(scores, (score) => Math.exp(f(score - max)));
  let sum = pairwise(weights.slice());
  if (sink !== undefined) sum = f(sum + f(Math.exp(f(sink - max))));
  const products = new Float32Array(keys.length);
  const vAt = v.offset + b * v.strides.b + g * v.strides.h;
  const starts = Int32Array.from(keys, (j) => vAt + j * v.strides.n);
  for (let e = 0; e < valueDim; e++) {
    for (let n = 0; n < products.length; n++) products[n] = weights[n]! * vs[starts[n]! + e]!;
    out[e] = f(pairwise(products) / sum);
  }
  return { out, lse: f(max + f(Math.log(sum))) };
}

/** The sum of f32 numbers by halves; it overwrites them. */
function pairwise(values: Float32Array): number {
  let count = values.length;
  if (count === 0) return 0;
  while (count > 1) {
    const half = count >> 1;
    for (let n = 0; n < half; n++) values[n] = values[2 * n]! + values[2 * n + 1]!;
    if (count % 2 === 1) values[half] = values[count - 1]!;
    count = half + (count % 2);
  }
  return values[0]!;
}
